#include "support/tls_identity.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <stdexcept>

#include "net/ip_address.hpp"
#include "support/process.hpp"

namespace pricewire::test {
namespace {

template <auto release>
struct Release {
    template <typename T>
    void operator()(T* object) const {
        release(object);
    }
};
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;

// Throws where `ok` does not hold, with what OpenSSL says about it.
void need(bool ok, const char* what) {
    if (ok) return;
    char reason[256] = {};
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    throw std::runtime_error(std::string(what) + ": " + reason);
}

Key make_key() {
    Key key(EVP_EC_gen("P-256"));
    need(key != nullptr, "no key");
    return key;
}

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
    need(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "no extension");
}

// A certificate for `key`, yet to be signed.
Certificate draft(EVP_PKEY* key, const std::string& common_name, const CertificateSpec& spec) {
    Certificate out(X509_new());
    need(out != nullptr, "no certificate");
    std::int64_t serial = 0;
    need(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "no serial number");
    ASN1_INTEGER_set_int64(X509_get_serialNumber(out.get()), serial & 0x7fffffff);
    X509_set_version(out.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), spec.from.count());
    X509_gmtime_adj(X509_getm_notAfter(out.get()), spec.until.count());
    X509_set_pubkey(out.get(), key);
    X509_NAME* name = X509_get_subject_name(out.get());
    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                                    0) == 1,
         "no subject");
    return out;
}

Certificate draft_leaf(EVP_PKEY* key, const CertificateSpec& spec) {
    Certificate out = draft(key, "pricewire test server", spec);
    std::string names;
    for (const std::string& name : spec.names) {
        if (!names.empty()) names += ",";
        names += (net::IpAddress::parse(name) ? "IP:" : "DNS:") + name;
    }
    if (!names.empty()) add_extension(out.get(), out.get(), NID_subject_alt_name, names);
    return out;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    need(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "not signed");
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    need(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "no PEM");
    return text_of(bio.get());
}

std::string pem(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    need(bio && PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "no PEM");
    return text_of(bio.get());
}

}  // namespace

struct TestAuthority::Impl {
    Key key = make_key();
    Certificate certificate = draft(key.get(), "pricewire test authority", {});
    TempDir directory;
    std::filesystem::path file = directory.path() / "authority.pem";
};

TestAuthority::TestAuthority() : impl_(std::make_unique<Impl>()) {
    X509* certificate = impl_->certificate.get();
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(certificate, certificate, impl_->key.get());
    std::ofstream out(impl_->file);
    out << pem(certificate);
    if (!out.flush()) throw std::runtime_error("the authority's certificate cannot be written");
}

TestAuthority::~TestAuthority() = default;

const std::filesystem::path& TestAuthority::file() const {
    return impl_->file;
}

TlsIdentity TestAuthority::issue(const CertificateSpec& spec) const {
    const Key key = make_key();
    const Certificate certificate = draft_leaf(key.get(), spec);
    sign(certificate.get(), impl_->certificate.get(), impl_->key.get());
    return {pem(certificate.get()), pem(key.get())};
}

TlsIdentity self_signed(const CertificateSpec& spec) {
    const Key key = make_key();
    const Certificate certificate = draft_leaf(key.get(), spec);
    sign(certificate.get(), certificate.get(), key.get());
    return {pem(certificate.get()), pem(key.get())};
}

}  // namespace pricewire::test
