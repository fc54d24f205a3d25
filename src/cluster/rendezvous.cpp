#include "cluster/rendezvous.hpp"

#include <algorithm>
#include <utility>

#include "base/crypto.hpp"

namespace pricewire::cluster {
namespace {

struct Place {
    std::uint64_t weight;
    std::string_view member;
    std::size_t index;
    bool operator<(const Place& other) const {
        return weight != other.weight ? weight > other.weight : member < other.member;
    }
};

Place place_of(std::span<const std::string> members, std::size_t index, std::string_view key) {
    return {weight(members[index], key), members[index], index};
}

}  // namespace

std::uint64_t weight(std::string_view member, std::string_view key) {
    std::string text;
    text.reserve(member.size() + 1 + key.size());
    text.append(member).append(1, '\n').append(key);
    const Sha256 hash = sha256(text);
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < sizeof(out); ++i) out = out << 8 | hash[i];
    return out;
}

std::vector<std::size_t> owners(std::span<const std::string> members, std::string_view key,
                                std::size_t count) {
    std::vector<Place> places;
    places.reserve(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) places.push_back(place_of(members, i, key));
    std::ranges::sort(places, std::less<>{});
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < std::min(count, places.size()); ++i) out.push_back(places[i].index);
    return out;
}

bool owns(std::span<const std::string> members, std::size_t index, std::string_view key, std::size_t count) {
    if (members.size() <= count) return true;
    const Place own = place_of(members, index, key);
    std::size_t ahead = 0;
    for (std::size_t i = 0; i < members.size() && ahead < count; ++i) {
        if (i != index && place_of(members, i, key) < own) ++ahead;
    }
    return ahead < count;
}

}  // namespace pricewire::cluster
