// The bare machine as the hostile guest sees it: ports, model-specific registers, hypercalls,
// SynIC. 64-bit mode with the first 4 GiB mapped one to one, one processor, interrupts off for
// good.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096u

static inline void outb(uint16_t port, uint8_t value) {
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void outl(uint16_t port, uint32_t value) {
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint32_t inl(uint16_t port) {
    uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void wrmsr(uint32_t number, uint64_t value) {
    asm volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/// HvPostMessage; returns the hypervisor's status.
uint16_t post_message(uint32_t connection, uint32_t type, const void* payload, uint32_t size);
/// HvSignalEvent, as Linux does it: a fast hypercall.
uint16_t signal_event(uint32_t connection, uint16_t flag);
/// Any hypercall at all.
uint64_t hypercall(uint64_t control, uint64_t input, uint64_t output);

/// Turns on the hypercall page and the SynIC with its message and event pages.
void platform_start(void);
/// Puts the message and event pages elsewhere for a moment, even where there is no memory, and
/// back.
void move_synic_pages(uint64_t message_page, uint64_t event_page);
/// The payload of the message that waits in VMBus's slot, or NULL; freed by release_message().
const uint8_t* waiting_message(void);
void release_message(void);

void print(const char* text);
void print_number(uint64_t number);
/// Waits for a line from the other end of the serial port, and forgets it.
void await_line(void);
/// ACPI S5.
void power_off(void) __attribute__((noreturn));

/// The number after NAME= on the kernel command line.
uint64_t option(const char* name, uint64_t fallback);
