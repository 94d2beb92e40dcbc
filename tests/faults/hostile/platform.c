#include "platform.h"

// src/vm/ports.h
enum { kSerial = 0x3f8, kSerialModem = 0x3fc, kSerialStatus = 0x3fd, kSleepControl = 0x600 };
enum { kDataReady = 1, kSoftOff = 5 << 2 | 1 << 5 };
// TLFS "Synthetic MSRs".
enum {
    kGuestOsId = 0x40000000,
    kHypercall = 0x40000001,
    kSynicControl = 0x40000080,
    kEventPage = 0x40000082,
    kMessagePage = 0x40000083,
    kEndOfMessage = 0x40000084,
    kSint2 = 0x40000092,
};
enum { kVmbusSint = 2, kSlotSize = 256, kSlotHeader = 16, kVector = 0xf3 };

static uint8_t hypercall_page[PAGE_SIZE] __attribute__((aligned(4096)));
static volatile uint8_t message_page[PAGE_SIZE] __attribute__((aligned(4096)));
static volatile uint8_t event_page[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t stack[16 * PAGE_SIZE] __attribute__((aligned(4096), used));
static const uint8_t *boot_params;

void hostile_main(void);
void begin(const uint8_t *params) __attribute__((used, noreturn));

// RSI holds the zero page; the stack that the host gave is small.
asm(".globl _start\n"
    "_start:\n"
    "  lea stack+16*4096(%rip), %rsp\n"
    "  mov %rsi, %rdi\n"
    "  call begin\n");

void begin(const uint8_t *params) {
    boot_params = params;
    hostile_main();
    power_off();
}

static uint64_t address_of(const volatile void *pointer) { return (uint64_t)pointer; }

void platform_start(void) {
    wrmsr(kGuestOsId, 1ull << 63);
    wrmsr(kHypercall, address_of(hypercall_page) | 1);
    wrmsr(kMessagePage, address_of(message_page) | 1);
    wrmsr(kEventPage, address_of(event_page) | 1);
    wrmsr(kSint2, kVector);
    wrmsr(kSynicControl, 1);
}

void move_synic_pages(uint64_t to_messages, uint64_t to_events) {
    wrmsr(kMessagePage, (to_messages & ~0xfffull) | 1);
    wrmsr(kEventPage, (to_events & ~0xfffull) | 1);
    wrmsr(kEndOfMessage, 0);
    wrmsr(kMessagePage, address_of(message_page) | 1);
    wrmsr(kEventPage, address_of(event_page) | 1);
    wrmsr(kEndOfMessage, 0);
}

uint64_t hypercall(uint64_t control, uint64_t input, uint64_t output) {
    uint64_t result;
    register uint64_t third asm("r8") = output;
    asm volatile("call *%4"
                 : "=a"(result), "+c"(control), "+d"(input), "+r"(third)
                 : "m"(*(void *const *)&(void *){hypercall_page})
                 : "memory", "r9", "r10", "r11");
    return result;
}

uint16_t post_message(uint32_t connection, uint32_t type, const void *payload, uint32_t size) {
    static struct {
        uint32_t connection, reserved, type, size;
        uint8_t payload[240];
    } input __attribute__((aligned(256)));
    input.connection = connection;
    input.type = type;
    input.size = size;
    for (uint32_t i = 0; i < size && i < sizeof(input.payload); ++i) {
        input.payload[i] = ((const uint8_t *)payload)[i];
    }
    return (uint16_t)hypercall(0x5c, address_of(&input), 0);
}

uint16_t signal_event(uint32_t connection, uint16_t flag) {
    return (uint16_t)hypercall(0x5d | 1 << 16, (uint64_t)flag << 32 | connection, 0);
}

const uint8_t *waiting_message(void) {
    const volatile uint8_t *slot = message_page + kVmbusSint * kSlotSize;
    return *(const volatile uint32_t *)slot == 0 ? NULL : (const uint8_t *)slot + kSlotHeader;
}

void release_message(void) {
    volatile uint8_t *slot = message_page + kVmbusSint * kSlotSize;
    *(volatile uint32_t *)slot = 0;
    asm volatile("mfence" ::: "memory");
    wrmsr(kEndOfMessage, 0);
}

void print(const char *text) {
    for (; *text != 0; ++text) {
        outb(kSerial, (uint8_t)*text);
    }
}

void print_number(uint64_t number) {
    if (number >= 10) {
        print_number(number / 10);
    }
    outb(kSerial, (uint8_t)('0' + number % 10));
}

void await_line(void) {
    outb(kSerialModem, 0);  // not looped back, whatever was done to it
    uint8_t byte = 0;
    while (byte != '\n') {
        if ((inb(kSerialStatus) & kDataReady) != 0) {
            byte = inb(kSerial);
        }
        asm volatile("pause");
    }
}

void power_off(void) {
    for (;;) {
        outb(kSleepControl, kSoftOff);
        asm volatile("hlt");
    }
}

uint64_t option(const char *name, uint64_t fallback) {
    // Linux: struct setup_header, cmd_line_ptr.
    const char *text = (const char *)(uint64_t)*(const uint32_t *)(boot_params + 0x228);
    while (*text != 0) {
        const char *wanted = name;
        while (*wanted != 0 && *text == *wanted) {
            ++text;
            ++wanted;
        }
        if (*wanted == 0 && *text == '=') {
            uint64_t number = 0;
            for (++text; *text >= '0' && *text <= '9'; ++text) {
                number = number * 10 + (uint64_t)(*text - '0');
            }
            return number;
        }
        while (*text != 0 && *text++ != ' ') {
        }
    }
    return fallback;
}
