#include "domain/user.hpp"

namespace pricewire::inline domain {

std::string_view to_string(SignatureScheme s) {
    return s == SignatureScheme::v1 ? "v1" : "v1a";
}

std::optional<SignatureScheme> parse_signature_scheme(std::string_view text) {
    if (text == "v1") return SignatureScheme::v1;
    if (text == "v1a") return SignatureScheme::v1a;
    return std::nullopt;
}

}  // namespace pricewire::inline domain
