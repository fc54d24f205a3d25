#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Which members own a key: rendezvous (highest random weight) hashing, all members alike. Each key ranks the members in
// an order of its own, which says nothing about other members: one that joins takes from each of the others an equal part
// of what it owns, one that dies leaves its keys to those next in the keys' orders, and no other key moves. Pure.
//
// The weight is part of the interface between versions and with the database: it never changes. As SQL:
//   substring(sha256(convert_to(member || E'\n' || key, 'UTF8')) FOR 8)
namespace pricewire::cluster {

// The first eight bytes of SHA-256 of the member, a line feed and the key, the most significant first.
std::uint64_t weight(std::string_view member, std::string_view key);

// The indices of the first `count` members in the key's order, heaviest first (all, if there are not more); of equal
// weights the member that comes first by name.
std::vector<std::size_t> owners(std::span<const std::string> members, std::string_view key,
                                std::size_t count);

// Whether the member with that index is among them, without sorting.
bool owns(std::span<const std::string> members, std::size_t index, std::string_view key, std::size_t count);

}  // namespace pricewire::cluster
