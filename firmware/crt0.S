/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of the management firmware: erase registers, RAM and response window, so that nothing from before a
 * reset survives it (the hardware erases the request window), then copy .data and enter main. The CPU starts here, at address 0, after each reset.
 */
	.section .text.start, "ax"
	.globl	_start
_start:
	.irp	r, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	li	x\r, 0
	.endr

	la	a0, __ram_start
	la	a1, __ram_end
	jal	erase
	la	a0, __response_start
	la	a1, __response_end
	jal	erase

	la	a0, __data_load
	la	a1, __data_start
	la	a2, __data_end
1:	bgeu	a1, a2, 2f
	lw	a3, 0(a0)
	sw	a3, 0(a1)
	addi	a0, a0, 4
	addi	a1, a1, 4
	j	1b
2:
	la	sp, __stack_top
	jal	main
	ebreak				/* main does not return: stop as on any trap */

/* Zero from a0 up to a1; both multiples of 64. */
erase:
	.irp	i, 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60
	sw	zero, \i(a0)
	.endr
	addi	a0, a0, 64
	bltu	a0, a1, erase
	ret
