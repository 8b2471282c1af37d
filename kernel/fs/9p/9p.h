/* SPDX-License-Identifier: MIT */
#pragma once

/* Boot: mount(2) knows "9p". */
void p9_init(void);
