#pragma once

#include "ic/guest_service.h"
#include "ic/guest_session.h"
#include "ic/kvp_store.h"

namespace hvis::ic {

/// Guest half of the key/value pair exchange: what hv_kvp.c and its daemon do together, except that
/// get works. Numbers are kept as decimal text, as they do.
class KvpGuest final : public GuestService {
public:
    /// `store` outlives this object.
    explicit KvpGuest(KvpStore& store);

    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks& clocks) override;
    void channel_closed() override { session_.closed(); }
    [[nodiscard]] std::optional<Version> message_version() const override {
        return session_.message_version();
    }

private:
    struct Answer {
        uint32_t status;
        Bytes body;
    };

    Answer carry_out(const wire::KvpGet& request) const;
    Answer carry_out(const wire::KvpSet& request);
    Answer carry_out(const wire::KvpDelete& request);
    Answer carry_out(const wire::KvpEnumerate& request) const;
    Answer carry_out(const wire::KvpGetIpInfo& request) const;
    Answer carry_out(const wire::KvpSetIpInfo& request);
    static Answer answer_of(Result<Bytes> body);

    KvpStore& store_;
    GuestSession session_;
};

}  // namespace hvis::ic
