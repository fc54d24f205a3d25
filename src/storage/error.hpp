#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/unusable.hpp"

namespace pricewire::storage {

// What is wrong with the database.
enum class Trouble : std::uint8_t {
    unreachable,     // or anything that has no name here
    busy,            // locked by somebody past the deadline
    no_connections,  // the server accepts no further ones
    full,            // no space left for it
    too_large,       // a file would exceed the size that this process may write
    read_only,
    denied,   // this user lacks a permission
    broken,   // the disk reports errors
    damaged,  // what is stored does not make sense
    gone,     // its files were deleted, moved or replaced
    altered,  // a table or a column of ours is missing
    foreign,  // another application's; waiting does not help
};

// In words for anyone: no host, no file.
constexpr std::string_view brief(Trouble trouble) {
    switch (trouble) {
        case Trouble::unreachable:
            break;
        case Trouble::busy:
            return "another process keeps it locked";
        case Trouble::no_connections:
            return "the server accepts no further connections";
        case Trouble::full:
            return "cannot store anything: the disk is full";
        case Trouble::too_large:
            return "cannot store anything: the file has reached the limit of its size";
        case Trouble::read_only:
            return "cannot store anything: it is read-only";
        case Trouble::denied:
            return "cannot store anything: permission denied";
        case Trouble::broken:
            return "cannot store anything: the disk reports errors";
        case Trouble::damaged:
            return "the database is damaged";
        case Trouble::gone:
            return "its files were deleted, moved or replaced";
        case Trouble::altered:
            return "its tables were changed or removed";
        case Trouble::foreign:
            return "it belongs to another application";
    }
    return "not reachable";
}

// Whether the database answers but does not do its work until somebody or something has repaired it.
constexpr bool lasts(Trouble trouble) {
    return trouble >= Trouble::full;
}

// Thrown by every method when the database is unreachable, full, locked past its deadline or broken. Nothing
// of the call was committed. Callers log it once at a worker's edge and retry, or answer 503.
class StorageError : public Unusable {
public:
    explicit StorageError(const std::string& text, Trouble trouble = Trouble::unreachable)
        : Unusable(text, storage::brief(trouble)), trouble_(trouble) {}
    Trouble trouble() const { return trouble_; }

private:
    Trouble trouble_;
};

// A row holds a kind, state or format that this version does not know: a newer version wrote it. It is never
// taken for one that this version knows.
class UnknownValue : public StorageError {
public:
    // `column` as "alerts.condition"; `row` is the row's id.
    UnknownValue(std::string_view column, std::string_view value, const std::string& row)
        : StorageError("database: " + std::string(column) + " is '" + std::string(value) + "' in row " + row +
                       ", which this version does not know") {}
};

}  // namespace pricewire::storage
