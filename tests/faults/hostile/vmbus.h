// VMBus as its guest half speaks it, just enough to get far enough to do harm. Linux:
// include/linux/hyperv.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum message_type {
    kOfferChannel = 1,
    kRescindOffer = 2,
    kRequestOffers = 3,
    kAllOffersDelivered = 4,
    kOpenChannel = 5,
    kOpenResult = 6,
    kCloseChannel = 7,
    kGpadlHeader = 8,
    kGpadlBody = 9,
    kGpadlCreated = 10,
    kGpadlTeardown = 11,
    kRelidReleased = 13,
    kInitiateContact = 14,
    kVersionResponse = 15,
    kUnload = 16,
    kUnloadResponse = 17,
    kModifyChannel = 22,
};

enum { kMaxOffers = 16, kRingPages = 8 };

struct offer {
    uint32_t relid;
    uint32_t connection;
    uint32_t gpadl;  // of its ring, or 0
    bool open;
};

struct bus {
    uint32_t connection;  // where channel messages are posted
    struct offer offers[kMaxOffers];
    uint32_t offer_count;
    uint32_t next_gpadl;
    uint32_t seen;  // bit of each type of message that came
};
extern struct bus bus;

/// Both rings of a channel, one page of indices and the data of each direction.
extern uint8_t rings[kMaxOffers][kRingPages][4096];

/// Takes in whatever the host has sent.
void take_messages(void);
/// The same until a message of this type has come; false if it never does.
bool await(enum message_type type);
uint16_t post(const void* message, uint32_t size);

bool initiate_contact(uint32_t version);
void request_offers(void);
void create_ring_gpadl(uint32_t offer);
void open_channel(uint32_t offer);
void unload(void);
