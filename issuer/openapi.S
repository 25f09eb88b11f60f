/* openapi.S - issuer/openapi.json, as bytes in the program. */
	.section .rodata
	.global openapi_start
	.global openapi_end
openapi_start:
	.incbin "issuer/openapi.json"
openapi_end:
	.byte 0
	.section .note.GNU-stack,"",@progbits
