/* files.S - the console's files, as bytes in the program. */
#include "issuer/console/files.h"

#define BYTES(symbol, name)                                                    \
	.global console_##symbol##_start;                                      \
	.global console_##symbol##_end;                                        \
	console_##symbol##_start: .incbin name;                                \
	console_##symbol##_end: .byte 0;

	.section .rodata
CONSOLE_FILES(BYTES)
	.section .note.GNU-stack,"",@progbits
