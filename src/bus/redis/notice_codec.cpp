#include "bus/redis/notice_codec.hpp"

#include <algorithm>

namespace pricewire::bus {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t notice_bytes = 2 * id_bytes + 1;

void append(std::string& out, const Uuid& id) {
    out.append(reinterpret_cast<const char*>(id.bytes.data()), id_bytes);
}

Uuid id_at(std::string_view text, std::size_t at) {
    Uuid id;
    std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), id_bytes, id.bytes.begin());
    return id;
}

}  // namespace

void append_notices(std::string& out, std::span<const DeliveryNotice> notices) {
    out.reserve(out.size() + notices.size() * notice_bytes);
    for (const DeliveryNotice& notice : notices) {
        append(out, notice.user_id);
        append(out, notice.id);
        out += notice.is_new ? '1' : '0';
    }
}

std::optional<std::vector<DeliveryNotice>> parse_notices(std::string_view text) {
    if (text.empty() || text.size() % notice_bytes != 0) return std::nullopt;
    std::vector<DeliveryNotice> out;
    out.reserve(text.size() / notice_bytes);
    for (std::size_t at = 0; at < text.size(); at += notice_bytes) {
        const char is_new = text[at + 2 * id_bytes];
        if (is_new != '0' && is_new != '1') return std::nullopt;
        out.push_back({id_at(text, at), id_at(text, at + id_bytes), is_new == '1'});
    }
    return out;
}

}  // namespace pricewire::bus
