#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hvis::manager {

/// What one client, and all of them together, may take of the http thread. Requests of one
/// connection are answered one after another: pipelined ones wait in the socket.
struct HttpLimits {
    static constexpr size_t kMaxConnections = 512;
    /// Connections that clients of TCP do not get, however many they are …
    static constexpr size_t kKeptForLocal = 64;
    /// … and those that nobody gets but administrators at the local socket.
    static constexpr size_t kKeptForAdministrators = 16;
    static constexpr uint32_t kMaxHeader = 16 * 1024;
    static constexpr uint64_t kMaxBody = 1024 * 1024;
    static constexpr size_t kMaxStreams = 256;
    static constexpr size_t kStreamsKeptForAdministrators = 16;
    static constexpr size_t kMaxStreamWaiting = 1024 * 1024;

    size_t connections = kMaxConnections;  ///< past it a new one gets 503 and is closed
    size_t kept_for_local = kKeptForLocal;
    size_t kept_for_administrators = kKeptForAdministrators;
    uint32_t header = kMaxHeader;  ///< bytes of request line and fields; 431
    uint64_t body = kMaxBody;      ///< bytes; 413
    size_t streams = kMaxStreams;  ///< event streams at once; 503
    size_t streams_kept_for_administrators = kStreamsKeptForAdministrators;
    size_t stream_waiting = kMaxStreamWaiting;         ///< bytes that one stream may have unread
    std::chrono::milliseconds idle_time{75'000};       ///< between two requests of a connection
    std::chrono::milliseconds request_time{15'000};    ///< from the first byte to the last; 408
    std::chrono::milliseconds write_time{30'000};      ///< for the client to take an answer
    std::chrono::milliseconds handshake_time{10'000};  ///< TLS
    std::chrono::milliseconds stream_beat{
        15'000};  ///< a comment on a stream that is silent so long
};

}  // namespace hvis::manager
