#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace pricewire::test {

// What a TLS server shows: a certificate and its private key, both as PEM.
struct TlsIdentity {
    std::string certificate;
    std::string key;
};

struct CertificateSpec {
    std::vector<std::string> names;  // DNS names, or addresses
    // When it is valid, from now.
    std::chrono::seconds from = -std::chrono::hours{1};
    std::chrono::seconds until = std::chrono::hours{24};
};

// A certificate authority that exists for as long as this object, with keys made for the occasion (EC P-256).
// Errors of OpenSSL or of the file system are thrown as std::runtime_error.
class TestAuthority {
public:
    TestAuthority();
    ~TestAuthority();
    TestAuthority(const TestAuthority&) = delete;
    TestAuthority& operator=(const TestAuthority&) = delete;

    // Its certificate, in a file that is removed with this object: what a client is to trust.
    const std::filesystem::path& file() const;
    TlsIdentity issue(const CertificateSpec& spec) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// A self-signed certificate.
TlsIdentity self_signed(const CertificateSpec& spec);

}  // namespace pricewire::test
