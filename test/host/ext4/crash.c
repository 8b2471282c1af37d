/* SPDX-License-Identifier: MIT */
#include "test/host/ext4/commands.h"

int command_crash(int argc, char **argv)
{
	return 2;
}
