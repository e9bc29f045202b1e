# The compiler's support routines for x86_64, built without any C library.
# Upstream's CMakeLists.txt holds the lists; of a routine that exists twice, the one for the architecture wins.

dir := $(SRC)/compiler-rt/lib/builtins
list = $(shell sed -n '/^ *set($(1)$$/,/)/{s/^ *\([A-Za-z0-9_/]*\.[cS]\).*/\1/p}' $(dir)/CMakeLists.txt)

# No C library: no emulated thread-local storage, no trampolines on an executable stack, no assertion that prints.
# Only Apple's and 32-bit systems have the rest.
left_out := emutls.c enable_execute_stack.c eprintf.c apple_versioning.c os_version_check.c trampoline_setup.c

generic := $(filter-out $(left_out),$(call list,GENERIC_SOURCES) $(call list,GENERIC_TF_SOURCES) \
	$(call list,BF16_SOURCES) $(call list,x86_80_BIT_SOURCES) clear_cache.c gcc_personality_v0.c)
arch := cpu_model/x86.c i386/fp_mode.c $(patsubst $(dir)/%,%,$(wildcard $(dir)/x86_64/*.c $(dir)/x86_64/*.S))
arch := $(filter-out x86_64/chkstk.S,$(arch))
sources := $(arch) $(foreach f,$(generic),$(if $(filter $(basename $(notdir $(f))),$(basename $(notdir $(arch)))),,$(f)))
objects := $(addsuffix .o,$(basename $(subst /,-,$(sources))))

flags := -ffreestanding -nostdlibinc -isystem $(SRC)/clang/lib/Headers -isystem $(FILES)/include -std=c11 -fPIC -fno-builtin \
	-fvisibility=hidden -DVISIBILITY_HIDDEN -DCOMPILER_RT_HAS_FLOAT16 -DNDEBUG -fomit-frame-pointer -I $(dir)

all: libclang_rt.builtins.a clang_rt.crtbegin.o clang_rt.crtend.o

libclang_rt.builtins.a: $(sort $(objects))
	$(AR) rcsD $@ $^

define rule
$(addsuffix .o,$(basename $(subst /,-,$(1)))): $(dir)/$(1)
	$$(CC) $$(flags) -c $$< -o $$@
endef
$(foreach f,$(sources),$(eval $(call rule,$(f))))

clang_rt.crtbegin.o clang_rt.crtend.o: clang_rt.%.o: $(dir)/%.c
	$(CC) $(flags) -DCRT_HAS_INITFINI_ARRAY -c $< -o $@
