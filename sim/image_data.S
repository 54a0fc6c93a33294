/* SPDX-License-Identifier: BSD-2-Clause */
/* FIRMWARE: path of the image, from the Makefile; without it there is none. */
	.section .rodata
	.global	vesper_firmware, vesper_firmware_end
vesper_firmware:
#ifdef FIRMWARE
	.incbin	FIRMWARE
#endif
vesper_firmware_end:
	.section .note.GNU-stack, "", @progbits
