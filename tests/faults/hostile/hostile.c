// A guest that does everything wrong. Options on its command line: seed=N rounds=N.
// Prints "hostile: done" after its last round and, if the host still serves a guest that behaves, "hostile: served".
#include "platform.h"
#include "vmbus.h"

// Freestanding code is still compiled to calls of these.
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size) {
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return to;
}
void *memcpy(void *to, const void *from, size_t size) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return to;
}

static uint64_t state;

static uint64_t next_random(void) {  // xorshift64*
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
}
static uint32_t below(uint32_t limit) { return (uint32_t)(next_random() >> 32) % limit; }

static void fill_random(void *to, uint32_t size) {
    for (uint32_t i = 0; i < size; ++i) {
        ((uint8_t *)to)[i] = (uint8_t)next_random();
    }
}

/// A number as attackers like them: near the edges, or one that names something.
static uint32_t nasty(void) {
    static const uint32_t kEdges[] = {0,      1,      2,      7,          8,          255,        256,
                                      0x7fff, 0x8000, 0xffff, 0x10000,    0x7fffffff, 0x80000000, 0xfffffff8,
                                      4095,   4096,   4097,   0xfffffffc, 0xffffffff, 2047,       2048};
    return below(3) == 0 ? (uint32_t)next_random() : kEdges[below(sizeof(kEdges) / sizeof(kEdges[0]))];
}
static uint32_t some_relid(void) {
    return bus.offer_count > 0 && below(4) != 0 ? bus.offers[below(bus.offer_count)].relid : nasty();
}
static uint32_t some_gpadl(void) { return below(3) == 0 ? nasty() : 0x100 + below(bus.next_gpadl - 0xff); }

static void post_garbage(void) {
    uint8_t message[240];
    fill_random(message, sizeof(message));
    const uint32_t connection = below(3) == 0 ? nasty() : bus.connection;
    post_message(connection, below(8) == 0 ? nasty() : 1, message, below(4) == 0 ? nasty() : below(241));
}

static void post_wrong_message(void) {
    uint32_t message[60];
    for (uint32_t i = 0; i < 60; ++i) {
        message[i] = nasty();
    }
    message[0] = below(28);
    message[2] = some_relid();
    message[3] = below(2) == 0 ? some_gpadl() : nasty();
    post(message, below(5) == 0 ? below(241) : 240);
}

static void post_wrong_gpadl(void) {
    uint32_t message[60];
    message[0] = kGpadlHeader;
    message[1] = 0;
    message[2] = some_relid();
    message[3] = below(4) == 0 ? some_gpadl() : bus.next_gpadl++;
    message[4] = (below(3) == 0 ? nasty() : 232) & 0xffff;
    message[4] |= (below(3) == 0 ? nasty() : 1) << 16;
    message[5] = below(2) == 0 ? nasty() : PAGE_SIZE * below(30);
    message[6] = below(2) == 0 ? nasty() : below(PAGE_SIZE);
    for (uint32_t i = 7; i < 60; ++i) {
        message[i] = i % 2 == 1 ? nasty() : below(8) == 0 ? nasty() : 0;
    }
    post(message, 240);
    message[0] = kGpadlBody;
    for (uint32_t bodies = below(4); bodies > 0; --bodies) {
        message[2] = nasty();
        post(message, 240);
    }
}

static void scribble_over_ring(void) {
    const uint32_t ring = below(kMaxOffers);
    const uint32_t half = below(2) * (kRingPages / 2);
    uint32_t *indices = (uint32_t *)rings[ring][half];
    if (below(2) == 0) {
        fill_random(rings[ring][half + 1 + below(kRingPages / 2 - 1)], PAGE_SIZE);
    }
    for (uint32_t i = 0; i < 4; ++i) {
        if (below(2) == 0) {
            indices[i] = below(2) == 0 ? nasty() : below((kRingPages / 2 - 1) * PAGE_SIZE / 8) * 8;
        }
    }
    if (bus.offer_count > 0) {
        signal_event(bus.offers[below(bus.offer_count)].connection, (uint16_t)(below(4) == 0 ? nasty() : 0));
    }
}

/// A packet that passes as one, with the body of a reply that is none.
static void send_wrong_packet(void) {
    if (bus.offer_count == 0) {
        return;
    }
    const uint32_t index = below(bus.offer_count);
    uint32_t *indices = (uint32_t *)rings[index][0];
    uint8_t *data = rings[index][1];
    const uint32_t size = (kRingPages / 2 - 1) * PAGE_SIZE;
    const uint32_t at = indices[0] % size / 8 * 8;
    if (at + 256 > size) {
        indices[0] = 0;
        return;
    }
    fill_random(data + at, 256);
    uint16_t *descriptor = (uint16_t *)(data + at);
    descriptor[0] = (uint16_t)(below(3) == 0 ? nasty() : 6);       // VM_PKT_DATA_INBAND
    descriptor[1] = (uint16_t)(below(4) == 0 ? nasty() : 2);       // offset of the body, in 8 bytes
    descriptor[2] = (uint16_t)(below(4) == 0 ? nasty() : 248 / 8);  // length, in 8 bytes
    if (below(2) == 0) {
        data[at + 16] = 1;  // the pipe header's type
    }
    indices[0] = at + 256;
    signal_event(bus.offers[index].connection, 0);
}

static void call_wrong(void) {
    const uint64_t code = below(2) == 0 ? 0x5c + below(2) : next_random() & 0xffff;
    hypercall(code | (uint64_t)below(2) << 16 | (below(4) == 0 ? next_random() & 0xfff0000000000 : 0),
              below(2) == 0 ? next_random() : next_random() & 0xffffff, next_random() & 0xfffff8);
}

/// Ports and memory where nothing is; not the power and reset registers at 0x600.
static void touch_nothing(void) {
    const uint16_t port = (uint16_t)(0x700 + below(0xf800));
    outl(port, nasty());
    (void)inl(port);
    outb(0x3f9, (uint8_t)below(16));  // the serial port's interrupts
    volatile uint32_t *window = (volatile uint32_t *)(0xf8000000ull + below(0x6c00000) / 4 * 4);
    *window = nasty();
    (void)*window;
}

static void behave_for_once(void) {
    static const uint32_t kVersions[] = {0x20004, 0x30000, 0x40000, 0x50000, 0x50003};
    switch (below(8)) {
        case 0:
            initiate_contact(kVersions[below(5)]);
            request_offers();
            break;
        case 1:
            unload();
            break;
        default:
            take_messages();
            if (bus.offer_count > 0) {
                const uint32_t offer = below(bus.offer_count);
                create_ring_gpadl(offer);
                open_channel(offer);
            }
            break;
    }
}

/// Memory beyond what this program uses, or none at all.
static uint64_t some_page(void) {
    return below(2) == 0 ? 0x1000000 + (uint64_t)below(0x2000) * PAGE_SIZE : next_random() & 0xfffffff000;
}

static void one_round(void) {
    static void (*const kActs[])(void) = {post_garbage,      post_wrong_message, post_wrong_gpadl,
                                          scribble_over_ring, send_wrong_packet,  call_wrong,
                                          touch_nothing,      behave_for_once,    take_messages};
    kActs[below(sizeof(kActs) / sizeof(kActs[0]))]();
    if (below(64) == 0) {
        move_synic_pages(some_page(), some_page());
    }
}

/// Gives everything up and connects anew, as a guest that behaves; whether the host then serves it.
static bool behave(void) {
    take_messages();
    unload();
    await(kUnloadResponse);
    if (!initiate_contact(0x50003)) {
        return false;
    }
    request_offers();
    return await(kAllOffersDelivered) && bus.offer_count == 4;
}

void hostile_main(void);
void hostile_main(void) {
    const uint64_t rounds = option("rounds", 1000);
    state = option("seed", 1) * 0x9e3779b97f4a7c15ull | 1;
    platform_start();
    initiate_contact(0x50003);
    request_offers();
    // Between the halves, and in the end, it holds nothing and waits while its host is measured.
    for (uint64_t i = 0; i < rounds; ++i) {
        if (i == rounds / 2) {
            print(behave() ? "hostile: half\n" : "hostile: not served\nhostile: half\n");
            await_line();
        }
        one_round();
    }
    print("hostile: done\n");
    if (behave()) {
        print("hostile: served\n");
    }
    print("hostile: ");
    print_number(bus.offer_count);
    print(" offers in the end\n");
    await_line();
}
