#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "manager/events/webhook_sender.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

/// A certificate for 127.0.0.1, signed by itself.
Certificate certificate_of(EVP_PKEY* key) {
    Certificate certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* name = X509_get_subject_name(certificate.get());  // curl wants one
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("receiver"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate.get(), names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate.get(), key, EVP_sha256());
    return certificate;
}

/// Serves one connection over TLS on a thread of its own.
class TlsReceiver {
public:
    explicit TlsReceiver(const std::string& certificate_file) {
        std::signal(SIGPIPE, SIG_IGN);  // SSL_shutdown writes to a client that may have left
        certificate_ = certificate_of(key_.get());
        std::FILE* file = std::fopen(certificate_file.c_str(), "we");
        PEM_write_X509(file, certificate_.get());
        std::fclose(file);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        // SAFETY: the socket calls take every kind of address through the generic type.
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        ::bind(listener_.get(), generic, size);
        ::listen(listener_.get(), 1);
        ::getsockname(listener_.get(), generic, &size);
        url_ = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
        thread_ = std::thread([this] { serve(); });
    }
    ~TlsReceiver() { thread_.join(); }
    TlsReceiver(const TlsReceiver&) = delete;
    TlsReceiver& operator=(const TlsReceiver&) = delete;
    [[nodiscard]] const std::string& url() const { return url_; }

private:
    void serve() {
        const UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
        const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
            SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
        SSL_CTX_use_certificate(context.get(), certificate_.get());
        SSL_CTX_use_PrivateKey(context.get(), key_.get());
        const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
        SSL_set_fd(tls.get(), connection.get());
        if (SSL_accept(tls.get()) != 1) {
            return;  // The client does not trust us.
        }
        std::string request;
        std::array<char, 4096> bytes{};
        while (request.empty() || request.back() != '}') {
            const int length = SSL_read(tls.get(), bytes.data(), static_cast<int>(bytes.size()));
            if (length <= 0) {
                return;
            }
            request.append(bytes.data(), static_cast<size_t>(length));
        }
        const std::string answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        SSL_write(tls.get(), answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(tls.get());
    }

    Key key_{EVP_EC_gen("P-256"), EVP_PKEY_free};
    Certificate certificate_{nullptr, X509_free};
    UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::string url_;
    std::thread thread_;
};

Attempt post_over_tls(bool trusted) {
    const TestFolder folder;
    const TlsReceiver receiver(folder.file("ca.pem"));
    const auto loop = std::move(*loop::Loop::create());
    WebhookConfig config;
    config.name = "pager";
    config.url = receiver.url();
    config.key = std::string(32, 'k');
    config.timeout = std::chrono::seconds(60);
    config.ca_file = trusted ? folder.file("ca.pem") : "";
    const auto sender = must(WebhookSender::create(config, *loop));
    std::optional<Attempt> result;
    sender->post({.headers = {}, .body = "{}"}, [&](const Attempt& attempt) { result = attempt; });
    while (!result) {
        loop->run_once(std::chrono::seconds(1));
    }
    return *result;
}

TEST(WebhookTls, IsTakenFromAReceiverWhoseAuthorityIsKnown) {
    const Attempt attempt = post_over_tls(true);
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kTaken) << attempt.problem;
}

TEST(WebhookTls, IsNotGivenToAReceiverThatNobodyVouchesFor) {
    const Attempt attempt = post_over_tls(false);
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kFailed);
    EXPECT_THAT(attempt.problem, AnyOf(HasSubstr("certificate"), HasSubstr("CA")));
}

TEST(WebhookTls, NeedsItsFileOfAuthorities) {
    const auto loop = std::move(*loop::Loop::create());
    WebhookConfig config;
    config.name = "pager";
    config.url = "https://127.0.0.1/";
    config.ca_file = "/no/such/ca.pem";
    const auto refused = WebhookSender::create(config, *loop);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("/no/such/ca.pem cannot be read"));
}

}  // namespace
}  // namespace hvis::manager
