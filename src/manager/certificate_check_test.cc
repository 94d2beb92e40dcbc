#include "manager/certificate_check.h"

#include <cstdio>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

class CertificateCheckTest : public testing::Test {
protected:
    /// Writes a certificate that holds from and to so many seconds after now.
    void write_certificate(long from, long to) {
        const Certificate certificate(X509_new(), X509_free);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to);
        X509_set_pubkey(certificate.get(), key_.get());
        X509_sign(certificate.get(), key_.get(), EVP_sha256());
        const File file(std::fopen(certificate_.c_str(), "we"));
        PEM_write_X509(file.get(), certificate.get());
    }
    /// `passphrase`: nullptr for a key that needs none.
    void write_key(EVP_PKEY* key, const char* passphrase = nullptr) {
        const File file(std::fopen(key_file_.c_str(), "we"));
        PEM_write_PKCS8PrivateKey(file.get(), key,
                                  passphrase != nullptr ? EVP_aes_256_cbc() : nullptr, passphrase,
                                  passphrase != nullptr ? 6 : 0, nullptr, nullptr);
    }
    std::vector<std::string> found() {
        std::vector<std::string> messages;
        for (const control::Failure& failure : check_certificate(certificate_, key_file_)) {
            EXPECT_NE(failure.hint, "");
            messages.push_back(failure.message);
        }
        return messages;
    }

    const TestFolder folder_;
    const std::string certificate_ = folder_.file("tls.crt");
    const std::string key_file_ = folder_.file("tls.key");
    Key key_{EVP_EC_gen("P-256"), EVP_PKEY_free};
};

TEST_F(CertificateCheckTest, TakesAPairThatBelongsTogether) {
    write_certificate(-60, 3600);
    write_key(key_.get());
    EXPECT_THAT(found(), IsEmpty());
    EXPECT_THAT(check_authorities("ca_file", certificate_), IsEmpty());
}

TEST_F(CertificateCheckTest, LooksAtTheDates) {
    write_key(key_.get());
    write_certificate(-7200, -3600);
    EXPECT_THAT(found(), ElementsAre("listen.certificate: " + certificate_ + " has expired"));
    write_certificate(3600, 7200);
    EXPECT_THAT(found(), ElementsAre(HasSubstr("does not hold yet")));
}

TEST_F(CertificateCheckTest, FindsAKeyThatCannotBeUsed) {
    write_certificate(-60, 3600);
    write_key(Key(EVP_EC_gen("P-256"), EVP_PKEY_free).get());
    EXPECT_THAT(found(), ElementsAre(HasSubstr("listen.key: " + key_file_ + ": ")));
    write_key(key_.get(), "secret");
    EXPECT_THAT(found(), ElementsAre(HasSubstr("listen.key: " + key_file_ + ": ")));
}

TEST_F(CertificateCheckTest, FindsFilesThatAreNoPemOrNotThere) {
    write_key(key_.get());
    EXPECT_THAT(found(), ElementsAre("listen.certificate: " + certificate_ +
                                     " cannot be read: No such file or directory"));
    write_file(certificate_, "-----BEGIN NOTHING-----\n");
    EXPECT_THAT(found(), ElementsAre(HasSubstr("listen.certificate: " + certificate_ + ": ")));
    EXPECT_THAT(check_authorities("ca_file", key_file_),
                ElementsAre(testing::Field(&control::Failure::message,
                                           HasSubstr("ca_file: " + key_file_ + ": "))));
}

}  // namespace
}  // namespace hvis::manager
