/* files.S - the console's files, as bytes in the program. */
	.section .rodata
	.global console_index_start
	.global console_index_end
console_index_start:
	.incbin "issuer/console/index.html"
console_index_end:
	.byte 0
	.section .note.GNU-stack,"",@progbits
