#include <cerrno>
#include <string>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "cli/http/transport.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

struct FreeTls {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* session) const { SSL_free(session); }
};

/// The newest of OpenSSL's queue of errors, in its words.
std::string last_error() {
    std::string text(256, '\0');
    ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
    ERR_clear_error();
    return text.c_str();
}

class TlsTransport : public Transport {
public:
    TlsTransport(UniqueFd socket, std::unique_ptr<SSL_CTX, FreeTls> context,
                 std::unique_ptr<SSL, FreeTls> session)
        : socket_(std::move(socket)), context_(std::move(context)), session_(std::move(session)) {}

    Result<size_t, Failure> read_some(std::span<char> into, const Patience& patience) override {
        size_t got = 0;
        while (SSL_read_ex(session_.get(), into.data(), into.size(), &got) != 1) {
            const int why = SSL_get_error(session_.get(), 0);
            if (why == SSL_ERROR_ZERO_RETURN) {
                return 0;
            }
            HVIS_CHECK(go_on(why, patience));
        }
        return got;
    }

    Result<void, Failure> write_all(std::span<const char> from, const Patience& patience) override {
        while (!from.empty()) {
            size_t sent = 0;
            if (SSL_write_ex(session_.get(), from.data(), from.size(), &sent) == 1) {
                from = from.subspan(sent);
            } else {
                HVIS_CHECK(go_on(SSL_get_error(session_.get(), 0), patience));
            }
        }
        return {};
    }

    Result<void, Failure> shake_hands(const HttpsEndpoint& endpoint, const Patience& patience) {
        int done = 0;
        while ((done = SSL_connect(session_.get())) != 1) {
            const int why = SSL_get_error(session_.get(), done);
            const long verdict = SSL_get_verify_result(session_.get());
            if (verdict != X509_V_OK) {
                return std::unexpected(
                    make_failure(ErrorCode::kFailed,
                                 "the certificate of " + to_string(endpoint) +
                                     " is not trusted: " + X509_verify_cert_error_string(verdict),
                                 "name the certificate of its authority: --ca-file FILE"));
            }
            HVIS_CHECK(go_on(why, patience));
        }
        return {};
    }

private:
    /// Waits for what the session wants.
    Result<void, Failure> go_on(int why, const Patience& patience) {
        if (why == SSL_ERROR_WANT_READ) {
            return wait_for(socket_.get(), POLLIN, patience);
        }
        if (why == SSL_ERROR_WANT_WRITE) {
            return wait_for(socket_.get(), POLLOUT, patience);
        }
        Failure failure =
            make_failure(ErrorCode::kFailed, "the TLS connection broke: " + last_error(),
                         "hvisd may have been restarted: try again");
        failure.outcome = kDisconnected;
        return std::unexpected(std::move(failure));
    }

    UniqueFd socket_;
    std::unique_ptr<SSL_CTX, FreeTls> context_;
    std::unique_ptr<SSL, FreeTls> session_;
};

/// The certificate must be for the name, or for the address where the URL has one.
bool expect_name(SSL& session, const std::string& host) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&session), host.c_str()) == 1) {
        return true;
    }
    ERR_clear_error();
    // SSL_set_tlsext_host_name() is this call with C's casts.
    return SSL_set1_host(&session, host.c_str()) == 1 &&
           SSL_ctrl(&session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(host.c_str())) == 1;
}

}  // namespace

Result<std::unique_ptr<Transport>, Failure> start_tls(UniqueFd socket,
                                                      const HttpsEndpoint& endpoint,
                                                      const Patience& patience) {
    std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_client_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
        return std::unexpected(make_failure(ErrorCode::kFailed, "no TLS: " + last_error()));
    }
    const bool trusted =
        endpoint.ca_file.empty()
            ? SSL_CTX_set_default_verify_paths(context.get()) == 1
            : SSL_CTX_load_verify_file(context.get(), endpoint.ca_file.c_str()) == 1;
    if (!trusted) {
        ERR_clear_error();
        return std::unexpected(make_failure(ErrorCode::kUsage,
                                            "no certificate in " + endpoint.ca_file,
                                            "--ca-file names a PEM file"));
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    std::unique_ptr<SSL, FreeTls> session(SSL_new(context.get()));
    if (!session || !expect_name(*session, endpoint.host) ||
        SSL_set_fd(session.get(), socket.get()) != 1) {
        return std::unexpected(make_failure(ErrorCode::kFailed, "no TLS: " + last_error()));
    }
    auto transport =
        std::make_unique<TlsTransport>(std::move(socket), std::move(context), std::move(session));
    HVIS_CHECK(transport->shake_hands(endpoint, patience));
    return transport;
}

}  // namespace hvis::cli
