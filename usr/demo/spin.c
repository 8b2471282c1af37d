/* SPDX-License-Identifier: MIT */
/*
 * spin.c - a program that never makes a system call
 *
 * The question of OSTEP ch. 6: how does the kernel get the hart back? Start
 * it in the background and use the shell: the timer interrupt does it.
 */
int main(void)
{
	for (;;)
		__asm__ volatile("");
}
