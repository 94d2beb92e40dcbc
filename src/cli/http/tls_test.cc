#include <array>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "cli/http/fake_server.h"
#include "cli/http/http_client.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;

/// A certificate for 127.0.0.1 that vouches for itself, and its key.
class Certificate {
public:
    Certificate() : key_(EVP_RSA_gen(2048)), certificate_(X509_new()) {
        X509_set_version(certificate_, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate_), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
        X509_set_pubkey(certificate_, key_);
        X509_NAME* name = X509_get_subject_name(certificate_);
        X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, kName.data(), -1, -1, 0);
        X509_set_issuer_name(certificate_, name);
        X509_EXTENSION* extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(certificate_, extension, -1);
        X509_EXTENSION_free(extension);
        X509_sign(certificate_, key_, EVP_sha256());
        path_ = testing::TempDir() + "hvis_cli_ca.pem";
        FILE* file = std::fopen(path_.c_str(), "w");
        PEM_write_X509(file, certificate_);
        std::fclose(file);
    }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;
    ~Certificate() {
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] SSL_CTX* server_context() const {
        SSL_CTX* context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(context, certificate_);
        SSL_CTX_use_PrivateKey(context, key_);
        return context;
    }

private:
    static constexpr std::array<unsigned char, 5> kName = {'h', 'v', 'i', 's', 0};
    EVP_PKEY* key_;
    X509* certificate_;
    std::string path_;
};

/// Takes one connection on 127.0.0.1, reads one request and answers it.
class TlsServer {
public:
    explicit TlsServer(const Certificate& certificate)
        : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
          context_(certificate.server_context()) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this] { serve(); });
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;
    ~TlsServer() {
        thread_.join();
        SSL_CTX_free(context_);
    }
    [[nodiscard]] uint16_t port() const { return port_; }
    [[nodiscard]] const std::string& head() {
        thread_.join();
        thread_ = std::jthread([] {});
        return head_;
    }

private:
    void serve() {
        const UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
        SSL* session = SSL_new(context_);
        SSL_set_fd(session, connection.get());
        if (SSL_accept(session) == 1) {
            std::array<char, 4096> piece = {};
            while (head_.find("\r\n\r\n") == std::string::npos) {
                const int got = SSL_read(session, piece.data(), piece.size());
                if (got <= 0) {
                    break;
                }
                head_.append(piece.data(), static_cast<size_t>(got));
            }
            const std::string reply = reply_text(200, std::string(100'000, 'x'));
            SSL_write(session, reply.data(), static_cast<int>(reply.size()));
            SSL_shutdown(session);
        }
        SSL_free(session);
    }

    UniqueFd listener_;
    SSL_CTX* context_;
    uint16_t port_ = 0;
    std::string head_;
    std::jthread thread_;
};

Result<HttpReply, Failure> get(const TlsServer& server, const std::string& host,
                               const std::string& ca_file) {
    HttpClient client{
        HttpsEndpoint{.host = host, .port = server.port(), .token = "secret", .ca_file = ca_file}};
    HttpRequest request;
    request.target = "/x";
    return client.exchange(
        request,
        {.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20), .interrupt = -1});
}

TEST(Tls, CarriesRequestAndTokenToAServerThatIsTrusted) {
    const Certificate certificate;
    TlsServer server(certificate);
    const auto reply = get(server, "127.0.0.1", certificate.path());
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, std::string(100'000, 'x'));
    EXPECT_THAT(server.head(), HasSubstr("Authorization: Bearer secret\r\n"));
}

TEST(Tls, RefusesAServerThatNobodyVouchesFor) {
    const Certificate certificate;
    TlsServer server(certificate);
    const auto reply = get(server, "127.0.0.1", "");
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("is not trusted"));
    EXPECT_THAT(reply.error().hint, HasSubstr("--ca-file"));
    EXPECT_EQ(server.head(), "");
}

TEST(Tls, RefusesACertificateOfAnotherHost) {
    const Certificate certificate;
    TlsServer server(certificate);
    const auto reply = get(server, "localhost", certificate.path());
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("is not trusted"));
    EXPECT_EQ(server.head(), "");
}

}  // namespace
}  // namespace hvis::cli
