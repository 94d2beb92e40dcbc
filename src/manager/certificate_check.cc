#include "manager/certificate_check.h"

#include <cerrno>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

using control::Failure;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Failure finding(const std::string& key, const std::string& what, std::string next) {
    return control::make_failure(control::ErrorCode::kUsage, fmt::format("{}: {}", key, what),
                                 std::move(next));
}

/// What OpenSSL came upon first; what it says after that is where.
std::string tls_reason() {
    const char* text = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return text != nullptr ? text : "it cannot be used";
}

bool add_unreadable(std::vector<Failure>& found, const std::string& key, const std::string& file) {
    if (::access(file.c_str(), R_OK) == 0) {
        return false;
    }
    found.push_back(finding(
        key, fmt::format("{} cannot be read: {}", file, std::generic_category().message(errno)),
        "name a PEM file that hvisd's user may read"));
    return true;
}

/// Without it OpenSSL would ask for it at the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return 0; }

void check_dates(std::vector<Failure>& found, const std::string& file, const X509* certificate) {
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        found.push_back(finding("listen.certificate", file + " has expired", "renew it"));
    } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        found.push_back(finding("listen.certificate", file + " does not hold yet",
                                "look at the clock of this host, or at the certificate"));
    }
}

}  // namespace

std::vector<Failure> check_certificate(const std::string& certificate, const std::string& key) {
    std::vector<Failure> found;
    const bool no_certificate = add_unreadable(found, "listen.certificate", certificate);
    const bool no_key = add_unreadable(found, "listen.key", key);
    const Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
    if (!no_certificate &&
        SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1) {
        found.push_back(finding("listen.certificate",
                                fmt::format("{}: {}", certificate, tls_reason()),
                                "it must be a PEM file, the server's own certificate first"));
    } else if (!no_certificate) {
        check_dates(found, certificate, SSL_CTX_get0_certificate(context.get()));
    }
    // With a certificate in place this also compares the two.
    if (!no_key && SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
        found.push_back(
            finding("listen.key", fmt::format("{}: {}", key, tls_reason()),
                    "it must be a PEM file without a passphrase, the certificate's own key"));
    }
    return found;
}

std::vector<Failure> check_authorities(const std::string& name, const std::string& file) {
    std::vector<Failure> found;
    if (add_unreadable(found, name, file)) {
        return found;
    }
    ERR_clear_error();
    const Bio bio(BIO_new_file(file.c_str(), "r"), BIO_free);
    const Certificate first(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr),
                            X509_free);
    if (first == nullptr) {
        found.push_back(finding(name, fmt::format("{}: {}", file, tls_reason()),
                                "it must be a PEM file of certificates"));
    }
    return found;
}

}  // namespace hvis::manager
