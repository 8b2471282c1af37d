/* SPDX-License-Identifier: MIT */
#pragma once

/* Boot: mount(2) knows "vfat". */
void fat_init(void);
