#include "vmbus.h"

#include "platform.h"

struct bus bus = {.connection = 1, .next_gpadl = 0x100};
uint8_t rings[kMaxOffers][kRingPages][4096] __attribute__((aligned(4096)));

enum { kRelidAt = 184, kConnectionAt = 192, kPatience = 20000000 };

static uint32_t word_at(const uint8_t *message, uint32_t offset) {
    return *(const uint32_t *)(message + offset);
}

static void note_offer(const uint8_t *message) {
    if (bus.offer_count < kMaxOffers) {
        bus.offers[bus.offer_count++] = (struct offer){
            .relid = word_at(message, kRelidAt), .connection = word_at(message, kConnectionAt)};
    }
}

void take_messages(void) {
    const uint8_t *message;
    while ((message = waiting_message()) != NULL) {
        const uint32_t type = word_at(message, 0);
        bus.seen |= 1u << (type & 31);
        if (type == kOfferChannel) {
            note_offer(message);
        } else if (type == kVersionResponse && message[8] != 0 && word_at(message, 12) != 0) {
            bus.connection = word_at(message, 12);
        }
        release_message();
    }
}

bool await(enum message_type type) {
    bus.seen &= ~(1u << type);
    for (uint32_t i = 0; i < kPatience; ++i) {
        take_messages();
        if ((bus.seen & 1u << type) != 0) {
            return true;
        }
        asm volatile("pause");
    }
    return false;
}

uint16_t post(const void *message, uint32_t size) { return post_message(bus.connection, 1, message, size); }

bool initiate_contact(uint32_t version) {
    struct {
        uint32_t type, padding, version, target;
        uint64_t interrupt, monitors[2];
    } message = {.type = kInitiateContact, .version = version};
    bus.connection = version >= 0x50000 ? 4 : 1;
    message.interrupt = version >= 0x50000 ? 2 : 0;  // the SINT
    bus.offer_count = 0;
    post(&message, sizeof(message));
    return await(kVersionResponse);
}

void request_offers(void) {
    const uint32_t message[2] = {kRequestOffers};
    post(message, sizeof(message));
}

void create_ring_gpadl(uint32_t index) {
    struct {
        uint32_t type, padding, relid, gpadl;
        uint16_t range_bytes, range_count;
        uint32_t byte_count, byte_offset;
        uint64_t pages[kRingPages];
    } __attribute__((packed)) message = {.type = kGpadlHeader,
                                         .relid = bus.offers[index].relid,
                                         .gpadl = bus.next_gpadl,
                                         .range_bytes = 8 + kRingPages * 8,
                                         .range_count = 1,
                                         .byte_count = kRingPages * PAGE_SIZE};
    bus.offers[index].gpadl = bus.next_gpadl++;
    for (uint32_t i = 0; i < kRingPages; ++i) {
        message.pages[i] = (uint64_t)&rings[index][i] / PAGE_SIZE;
    }
    post(&message, sizeof(message));
}

void open_channel(uint32_t index) {
    struct {
        uint32_t type, padding, relid, open_id, gpadl, target, downstream;
        uint8_t user_data[120];
    } message = {.type = kOpenChannel,
                 .relid = bus.offers[index].relid,
                 .open_id = bus.offers[index].relid,
                 .gpadl = bus.offers[index].gpadl,
                 .downstream = kRingPages / 2};
    post(&message, sizeof(message));
    bus.offers[index].open = true;
}

void unload(void) {
    const uint32_t message[2] = {kUnload};
    post(message, sizeof(message));
}
