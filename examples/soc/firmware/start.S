/* SPDX-License-Identifier: Apache-2.0 */
    .section .start
    .globl _start
_start:
    la sp, _stack
    la a0, _bss
    la a1, _end
1:  bgeu a0, a1, 2f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 1b
2:  call main
    li a1, 0x30000004
    sw a0, 0(a1)
3:  j 3b
