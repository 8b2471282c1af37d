# Creance: one Makefile, top to bottom: settings, files, kernel, programs,
# run and test. `make help` lists the targets.

# ---- Settings (make NAME=value) -------------------------------------------

# LLVM=1 builds with clang and lld, CROSS_COMPILE=riscv64-unknown-elf- with the
# bare-metal GCC; DEBUG=1 adds checks, KTEST=1 the tests that run at boot.
CROSS_COMPILE ?= riscv64-linux-gnu-
LLVM    ?= 0
DEBUG   ?= 0
KTEST   ?= 0
BUILD   ?= build
USR_CC  ?= riscv64-linux-gnu-gcc
USR_NM  ?= riscv64-linux-gnu-nm
ifeq ($(LLVM),1)
CC      := clang --target=riscv64-linux-gnu
OBJCOPY := llvm-objcopy
NM      := llvm-nm
else
CC      := $(CROSS_COMPILE)gcc
OBJCOPY := $(CROSS_COMPILE)objcopy
NM      := $(CROSS_COMPILE)nm
endif
variant = $(if $(filter 1,$(1)),-$(2))
# Each way to build has objects of its own; the usual one is plain obj.
OBJ     := $(BUILD)/obj$(call variant,$(DEBUG),debug)$(call variant,$(KTEST),ktest)$(call variant,$(LLVM),llvm)$(patsubst %-,-%,$(CROSS_COMPILE:riscv64-linux-gnu-=))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
# Fetched and generated files stay.
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
# V=1 shows the whole commands.
Q := $(if $(filter 1,$(V)),,@)
say = @printf '  %-7s %s\n' $(1) $(if $(2),$(2),$@)

# ---- What the kernel is made of -------------------------------------------

ROOMS := lib debug trace sync sched time mm dev block vfs proc \
         fs/tmpfs fs/ext4 fs/fat fs/9p fs/proc fs/dev fs/sys tty net syscall
ARCH_SRC    := $(wildcard arch/riscv/*.S arch/riscv/*.c)
KERNEL_SRC  := $(wildcard kernel/*.c) \
               $(foreach room,$(ROOMS),$(filter-out %_test.c,$(wildcard kernel/$(room)/*.c)))
DRIVERS_SRC := $(wildcard drivers/*/*.c)
TEST_SRC    := $(if $(filter 1,$(KTEST)),$(wildcard kernel/*/*_test.c))
SRC := $(ARCH_SRC) $(KERNEL_SRC) $(DRIVERS_SRC) $(TEST_SRC)
OBJS := $(SRC:%=$(OBJ)/%.o)

# libfdt reads device trees; fetched by scripts/setup, never committed.
LIBFDT := $(BUILD)/third_party/libfdt
LIBFDT_OBJS := $(addprefix $(OBJ)/libfdt/,fdt.o fdt_ro.o fdt_check.o)
# libfdt_env.h is ours: the kernel's string functions for the C library's.
LIBFDT_FLAGS := -Ikernel/dev/libfdt_env -isystem $(LIBFDT)

# The Linux UAPI headers, and only those (kernel/abi is the one door to them).
UAPI := $(BUILD)/uapi
UAPI_FROM ?= /usr/riscv64-linux-gnu/include

# ---- Flags ----------------------------------------------------------------

CFLAGS := -std=gnu17 -ffreestanding -nostdinc -fno-common -fno-strict-aliasing \
  -fno-omit-frame-pointer -fno-pic -mcmodel=medany \
  -mabi=lp64 -O2 -g \
  -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-stack-protector \
  -ffunction-sections -fno-delete-null-pointer-checks
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wundef -Wvla -Wstrict-prototypes \
  -Wmissing-prototypes -Wwrite-strings -Wold-style-definition -Wconversion \
  -Wformat=2 -Wno-unused-parameter
# No F and D, so that no stray floating-point instruction gets in.
ifeq ($(LLVM),1)
CFLAGS   += -march=rv64imac -mno-relax
WARNINGS += -Wimplicit-fallthrough -Wno-sign-conversion -Wno-gnu
LINKER   := -fuse-ld=lld
else
CFLAGS   += -march=rv64imac_zicsr_zifencei
WARNINGS += -Wcast-align=strict -Wimplicit-fallthrough=5 -Wlogical-op \
  -Wduplicated-cond -Wduplicated-branches
LINKER   := -Wl,--no-warn-rwx-segments
endif
INCLUDES = -I. -Iarch/riscv/include -I$(OBJ) -isystem $(UAPI) \
  -isystem $(shell $(CC) -print-file-name=include)
ifeq ($(DEBUG),1)
# The canary is in the thread, THREAD_CANARY bytes from tp. Code that runs
# before tp is set, or that a check would call, is left out.
CHECKS := -fsanitize=undefined -fno-sanitize=alignment -fstack-protector-strong \
  -mstack-protector-guard=tls -mstack-protector-guard-reg=tp \
  -mstack-protector-guard-offset=16
CFLAGS += -DCONFIG_DEBUG=1 $(if $(filter 0,$(LLVM)),$(CHECKS))
WARNINGS += -Wframe-larger-than=2048
$(OBJ)/arch/riscv/boot.c.o $(OBJ)/kernel/debug/%: CFLAGS += -fno-stack-protector \
  -fno-sanitize=all
else
WARNINGS += -Wframe-larger-than=1024
endif
ifeq ($(KTEST),1)
CFLAGS += -DCONFIG_KTEST=1
endif

# ---- The kernel -----------------------------------------------------------

.PHONY: all kernel
all: kernel
kernel: $(OBJ)/Image
	@mkdir -p $(BUILD)
	@cmp -s $< $(BUILD)/Image || cp $< $(BUILD)/Image
	@cmp -s $(OBJ)/kernel.elf $(BUILD)/kernel.elf || cp $(OBJ)/kernel.elf $(BUILD)/kernel.elf

$(UAPI)/.stamp:
	@scripts/setup compiler "$(CC)"
	@mkdir -p $(UAPI)
	@for d in asm asm-generic linux; do ln -sfn $(UAPI_FROM)/$$d $(UAPI)/$$d; done
	@touch $@

# The vDSO is user code: a shared object of its own, kept in the image as data.
# Whatever builds the kernel, the Linux compiler builds it: bare-metal linkers
# make no shared objects.
VDSO_SRC := arch/riscv/vdso/clock.c arch/riscv/vdso/sigreturn.S
VDSO_FLAGS := -std=gnu17 -ffreestanding -O2 -g0 -fPIC -march=rv64gc -mabi=lp64d \
  -fno-stack-protector -fno-asynchronous-unwind-tables -fno-builtin -nostdlib \
  -shared -Wl,-z,max-page-size=4096 -Wl,--hash-style=both -Wl,--build-id=none \
  -Wl,-soname=linux-vdso.so.1 -Wl,--no-warn-rwx-segments

$(OBJ)/vdso.so: $(VDSO_SRC) arch/riscv/vdso/vdso.lds arch/riscv/vdso/vdso_data.h
	@mkdir -p $(@D)
	$(call say,VDSO)
	$(Q)$(USR_CC) $(VDSO_FLAGS) -I. -T arch/riscv/vdso/vdso.lds $(VDSO_SRC) -o $@

$(OBJ)/arch/riscv/vdso_symbols.h: $(OBJ)/vdso.so
	@mkdir -p $(@D)
	$(Q)$(USR_NM) -D $< | sed -n 's/^\([0-9a-f]*\) T __vdso_rt_sigreturn.*/#define VDSO_RT_SIGRETURN 0x\1/p' > $@

$(OBJ)/arch/riscv/signal_frame.c.o: $(OBJ)/arch/riscv/vdso_symbols.h
$(OBJ)/arch/riscv/vdso_image.S.o: $(OBJ)/vdso.so
$(OBJ)/arch/riscv/vdso_image.S.o: CFLAGS += -DVDSO_FILE='"$(OBJ)/vdso.so"'

$(OBJ)/%.c.o: %.c $(UAPI)/.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) $(INCLUDES) -MMD -MP -c $< -o $@

# The one file that may name floating-point registers.
$(OBJ)/arch/riscv/fpu_registers.S.o: CFLAGS += -march=rv64gc

$(OBJ)/%.S.o: %.S $(UAPI)/.stamp
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -c $< -o $@

$(LIBFDT)/%.c:
	@scripts/fetch libfdt

$(OBJ)/libfdt/%.o: $(LIBFDT)/%.c $(UAPI)/.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -w $(INCLUDES) $(LIBFDT_FLAGS) -include libfdt_env.h -c $< -o $@

$(OBJ)/kernel/dev/device_tree.c.o: INCLUDES += $(LIBFDT_FLAGS)

LDFLAGS := -nostdlib -static -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
  $(LINKER) -Wl,--gc-sections $(EXTRA_LDFLAGS)

# Linked twice: the first time to learn where the functions are, the second
# time with their names in it, for backtraces.
$(OBJ)/kernel.elf: $(OBJS) $(LIBFDT_OBJS) linker.ld scripts/symbols.py
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -T linker.ld $(OBJS) $(LIBFDT_OBJS) -o $(OBJ)/kernel-1.elf
	$(Q)$(NM) -n $(OBJ)/kernel-1.elf | python3 scripts/symbols.py > $(OBJ)/symbols.S
	$(Q)$(CC) $(CFLAGS) -c $(OBJ)/symbols.S -o $(OBJ)/symbols.o
	$(Q)$(CC) $(LDFLAGS) -T linker.ld $(OBJS) $(LIBFDT_OBJS) $(OBJ)/symbols.o -o $@

$(OBJ)/Image: $(OBJ)/kernel.elf
	$(call say,IMAGE)
	$(Q)$(OBJCOPY) -O binary $< $@

# ---- Our own programs -----------------------------------------------------
# Ordinary Linux programs, one file each: usr/demo/x.c becomes build/usr/demo/x.

USR_CFLAGS := -std=gnu17 -O2 -g -Wall -Wextra -static -pthread
LAB_SRC    := $(filter-out usr/lde/lde% usr/lde/experiments.c,$(wildcard usr/lde/*.c))
LAB        := $(notdir $(LAB_SRC:.c=))
LDE_SRC    := $(wildcard usr/lde/lde*.c)
USR_SRC    := $(filter-out $(LAB_SRC) $(LDE_SRC),$(wildcard usr/*/*.c))
USR        := $(USR_SRC:%.c=$(BUILD)/%)

.PHONY: usr
usr: $(USR)
$(BUILD)/usr/%: usr/%.c
	@mkdir -p $(@D)
	$(call say,USR,$<)
	$(Q)$(USR_CC) $(USR_CFLAGS) -MMD -MP -MF $@.d $< -o $@

# The experiments are programs of their own, linked together (experiments.c).
$(BUILD)/usr/lde/%.o: usr/lde/%.c
	@mkdir -p $(@D)
	$(Q)$(USR_CC) $(USR_CFLAGS) -Dmain=$*_main -MMD -MP -c $< -o $@
# lde, which shows what the kernel's trace records, is several files and in it, too.
LDE_OBJS   := $(LDE_SRC:%.c=$(BUILD)/%.o)
$(LDE_OBJS): USR_CFLAGS += -D_GNU_SOURCE
$(BUILD)/usr/lde/experiments: usr/lde/experiments.c $(LAB:%=$(BUILD)/usr/lde/%.o) $(LDE_OBJS)
	$(call say,USR,$<)
	$(Q)$(USR_CC) $(USR_CFLAGS) -D'PROGRAMS=$(foreach name,$(LAB) lde,P($(name)))' $^ -o $@

# An init without a C library: what it times is the kernel alone.
$(BUILD)/usr/bench/firstuser: USR_CFLAGS := -O2 -static -nostdlib -ffreestanding
# Places of their own: one of their functions is told by its address (scripts/count_plugin.c).
$(BUILD)/usr/bench/diskwork $(BUILD)/usr/bench/contend: USR_CFLAGS += -Wl,-Ttext-segment=0x40000000

# ---- Root file systems (scripts/mkrootfs.py) ------------------------------

ROOTFS_SRC := scripts/mkrootfs.py scripts/mkcpio.py scripts/rootfs.applets \
              scripts/rootfs.list $(shell find scripts/rootfs -type f)

.PHONY: rootfs rootfs-test
rootfs: $(BUILD)/rootfs.cpio
rootfs-test: $(BUILD)/rootfs-abi.cpio $(BUILD)/rootfs-test.cpio

$(BUILD)/userland/run/.fetched:
	@scripts/fetch userland
$(BUILD)/userland/test/.fetched:
	@scripts/fetch userland-test

$(BUILD)/rootfs.cpio: $(ROOTFS_SRC) $(USR) $(BUILD)/userland/run/.fetched
	$(call say,ROOTFS)
	$(Q)scripts/mkrootfs.py run
$(BUILD)/rootfs-abi.cpio: $(ROOTFS_SRC) $(USR) $(BUILD)/userland/run/.fetched
	scripts/mkrootfs.py abi
$(BUILD)/rootfs-test.cpio: $(ROOTFS_SRC) $(USR) $(BUILD)/userland/run/.fetched \
  $(BUILD)/userland/test/.fetched test/data/workloads.json test/data/workloads.selected
	$(call say,ROOTFS)
	$(Q)scripts/mkrootfs.py test

# ---- Run, test, measure, debug --------------------------------------------
# The same words everywhere: make run HARTS=4 MEM=1G APPEND="sched=mlfq" ...
# scripts/qemu reads them from the environment.

export HARTS MEM APPEND ICOUNT MACHINE DISK BUS SHARE DEBUG TIMEOUT QEMU BIOS CPU DTB

# ROOT=disk: an ext4 disk that keeps what is written to it. ROOT=ram: all of it
# in memory, anew each time; always so on boards, whose disks are their own.
ROOT     ?= disk
ROOT_RAM  = $(or $(filter ram,$(ROOT)),$(filter-out virt,$(MACHINE)))
ROOT_DISK := $(BUILD)/disk.img
comma    := ,

PYTEST ?= /usr/bin/python3 -m pytest
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
T      ?=

.PHONY: disk clean-disk
disk: $(ROOT_DISK)
# Only made when there is none: what is on it is the user's.
$(ROOT_DISK): | $(BUILD)/rootfs.cpio
	$(call say,DISK)
	$(Q)scripts/mkdisk.py $(BUILD)/rootfs.cpio $@
clean-disk: ## the next make run makes a fresh one
	rm -f $(ROOT_DISK)

.PHONY: run test bench bench-disk profile contention lde schedsim gdb check setup clean help
run:
	@scripts/setup run
	@$(MAKE) --no-print-directory -j$(JOBS) kernel $(if $(ROOT_RAM),rootfs,disk)
	@$(if $(ROOT_RAM),,DISK=$(ROOT_DISK)$(DISK:%=$(comma)%) APPEND="root=LABEL=creance $(APPEND)") \
	  scripts/qemu --kernel $(BUILD)/Image --initrd $(if $(ROOT_RAM),$(BUILD)/rootfs.cpio,none)

test:
	@scripts/setup test
	@$(MAKE) --no-print-directory -j$(JOBS) kernel rootfs rootfs-test
	@$(PYTEST) -n $(JOBS) $(if $(HARTS),--harts $(HARTS)) $(T) test

bench:
	@scripts/setup bench$(if $(CHART),-chart)
	@$(MAKE) --no-print-directory -j$(JOBS) kernel rootfs
	@$(if $(CHART),/usr/bin/python3) scripts/bench$(if $(WALL),-wall,$(if $(filter cached,$(LINUX)), --cached) \
	  $(if $(UPDATE),--cached --update) $(if $(CHART),--chart))

# LINUX=cached: Linux's figures as saved. SAMPLE=1: with fewer files.
bench-disk:
	@scripts/setup profile
	@$(MAKE) --no-print-directory -j$(JOBS) kernel rootfs
	@scripts/bench-disk $(if $(filter cached,$(LINUX)),,--linux) $(if $(UPDATE),--update) \
	  $(if $(SAMPLE),--sample)

profile:
	@[ -n "$(BENCH)" ] || { echo 'make profile BENCH=pipe_rtt: which operation?'; exit 2; }
	@scripts/setup profile
	@$(MAKE) --no-print-directory -j$(JOBS) kernel rootfs
	@scripts/profile $(BENCH)

RUN ?= /bin/true
lde:
	@scripts/setup lde
	@$(MAKE) --no-print-directory -j$(JOBS) kernel rootfs
	@scripts/lde run --text - --html $(BUILD)/lde/run.html --json $(BUILD)/lde/run.json \
	  --markdown $(BUILD)/lde/run.md $(if $(filter 1,$(ICOUNT)),--icount) '$(RUN)'
	@echo 'Open $(BUILD)/lde/run.html in a browser, or $(BUILD)/lde/run.json in Perfetto.'

# Do harts wait for each other? WALL=1: how long it takes, beside Linux. SAVE=1: into the docs.
contention:
	@scripts/setup test
	@$(MAKE) --no-print-directory -j$(JOBS) kernel
	@scripts/contention $(if $(filter 1,$(LINES)),--lines) $(if $(filter 1,$(COUNT)),--instructions) \
		$(if $(filter 1,$(WALL)),--wall) $(if $(filter 1,$(SAVE)),--save)

# W=name: of the workloads that it lists without; SVG=file draws it.
schedsim:
	@scripts/setup test
	@scripts/schedsim $(W) $(if $(SVG),--svg $(SVG))

gdb:
	@scripts/setup gdb
	@$(MAKE) --no-print-directory -j$(JOBS) kernel rootfs
	@scripts/gdb

check:
	@scripts/setup check
	@scripts/check

setup:
	@scripts/setup all

clean: ## what was built; what was fetched stays
	rm -rf $(BUILD)/obj* $(BUILD)/usr $(BUILD)/uapi $(BUILD)/workloads* $(BUILD)/*.cpio \
	  $(BUILD)/Image $(BUILD)/kernel.elf $(BUILD)/test-logs $(BUILD)/.setup-*

help:
	@echo 'make            the kernel: $(BUILD)/Image'
	@echo 'make run        boot it in QEMU to a shell (installs what is missing, with apt)'
	@echo 'make clean-disk its disk, build/disk.img, will be made anew; ROOT=ram: without one'
	@echo 'make test       boot it many times and test it; T="-k name" for some of the tests;'
	@echo '                HARTS=4: on machines of four harts'
	@echo 'make bench      instructions per operation, beside those of Linux'
	@echo 'make bench-disk the same for work on an ext4 disk'
	@echo 'make profile    where they go, as a flame graph: make profile BENCH=pipe_rtt'
	@echo 'make lde        run a program and watch the protocol: make lde RUN="ls -l /"'
	@echo 'make contention  which locks 1 to 8 harts wait for; beside Linux: COUNT=1 (instructions), WALL=1 (time)'
	@echo 'make schedsim   scheduling policies on a simulated clock: W=mlfq-short SVG=chart.svg'
	@echo 'make gdb        boot it under gdb, with commands for threads and page tables'
	@echo 'make check      formatting, includes and static analysis'
	@echo 'make setup      install and fetch everything that any of these needs'
	@echo 'make usr rootfs rootfs-test clean'
	@echo
	@echo 'Words for run, test, bench and gdb:'
	@echo '  HARTS=4  MEM=256M  APPEND="kernel arguments"  MACHINE=virt  DISK=file  SHARE=folder'
	@echo '  DEBUG=1 (checks in the kernel)  V=1 (show commands)  TIMEOUT=s  QEMU=program  BIOS=file  CPU=...'

-include $(OBJS:.o=.d) $(USR:=.d) $(LAB:%=$(BUILD)/usr/lde/%.d) $(LDE_OBJS:.o=.d)
