#include "guest_programs.h"

#include <span>

// Ports: vm/ports.h. MSRs and hypercalls: TLFS. The hypercall page is put at 2 MiB, data after it.
__asm__(R"(
    .pushsection .rodata
    .macro set_msr index, value
    mov $\index, %ecx
    mov $\value, %eax
    xor %edx, %edx
    wrmsr
    .endm

    .macro end_with port, value
    mov $\port, %edx
    mov $\value, %al
    out %al, %dx
9:  hlt
    jmp 9b
    .endm

    .macro power_off
    end_with 0x600, 0x34
    .endm

    .macro reset
    end_with 0x602, 0x01
    .endm

    .macro enable_hypercalls
    set_msr 0x40000000, 1
    set_msr 0x40000001, 0x200001
    mov $0x200000, %ebx
    .endm

hvis_power_off_program:
    power_off
hvis_power_off_program_end:

hvis_spin_program:
1:  pause
    jmp 1b
hvis_spin_program_end:

hvis_reset_program:
    cmpq $0, 0x300000
    jne 1f
    movq $1, 0x300000
    reset
1:  power_off
hvis_reset_program_end:

hvis_triple_fault_program:
    push $0
    push $0
    lidt (%rsp)
    int3
hvis_triple_fault_program_end:

hvis_kick_program:
    enable_hypercalls
    mov $1000, %r15d
1:  mov $0x1005d, %ecx
    mov $0x1234, %edx
    xor %r8d, %r8d
    call *%rbx
    test %ax, %ax
    jnz 2f
    dec %r15d
    jnz 1b
    power_off
2:  reset
hvis_kick_program_end:

hvis_post_program:
    enable_hypercalls
    movl $1, 0x201000
    movl $1, 0x201008
    movl $8, 0x20100c
1:  mov $0x5c, %ecx
    mov $0x201000, %edx
    xor %r8d, %r8d
    call *%rbx
    cmp $0x13, %ax
    je 2f
    test %ax, %ax
    jz 1b
    reset
2:  out %al, $0x80
3:  hlt
    jmp 3b
hvis_post_program_end:

hvis_receive_program:
    set_msr 0x40000080, 1
    set_msr 0x40000083, 0x202001
    set_msr 0x40000092, 0x40
    out %al, $0x80
    mov $2, %r15d
1:  pause
    cmpl $0, 0x202200
    je 1b
    movl $0, 0x202200
    mfence
    testb $1, 0x202205
    jz 2f
    set_msr 0x40000084, 0
2:  dec %r15d
    jnz 1b
    power_off
hvis_receive_program_end:

hvis_crash_program:
    set_msr 0x40000100, 11
    set_msr 0x40000101, 22
    set_msr 0x40000102, 33
    lea 3f(%rip), %rax
    mov $0x40000103, %ecx
    xor %edx, %edx
    wrmsr
    set_msr 0x40000104, 8
    mov $0x40000105, %ecx
    rdmsr
    cmp $0xc0000000, %edx
    jne 2f
    wrmsr
    power_off
2:  reset
3:  .ascii "it broke"
hvis_crash_program_end:

hvis_clock_program:
1:  mov $0x40000020, %ecx
    rdmsr
    mov %edx, %ebx
    mov $0x90, %edx
    out %eax, %dx
    mov %ebx, %eax
    mov $0x94, %edx
    out %eax, %dx
    jmp 1b
hvis_clock_program_end:
    .popsection
)");

#define HVIS_GUEST_PROGRAM(name)                                 \
    extern "C" const std::byte hvis_##name[];                    \
    extern "C" const std::byte hvis_##name##_end[];              \
    namespace hvis::test {                                       \
    ByteView name() { return {hvis_##name, hvis_##name##_end}; } \
    }

HVIS_GUEST_PROGRAM(power_off_program)
HVIS_GUEST_PROGRAM(spin_program)
HVIS_GUEST_PROGRAM(reset_program)
HVIS_GUEST_PROGRAM(triple_fault_program)
HVIS_GUEST_PROGRAM(kick_program)
HVIS_GUEST_PROGRAM(post_program)
HVIS_GUEST_PROGRAM(receive_program)
HVIS_GUEST_PROGRAM(crash_program)
HVIS_GUEST_PROGRAM(clock_program)
