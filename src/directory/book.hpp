#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "directory/directory.hpp"
#include "storage/listings.hpp"

namespace pricewire::directory {

struct BookOptions {
    // How old the directory that current() gives may be. Asking whether it has changed is one small query.
    Duration fresh_for = std::chrono::seconds{1};
    Choices choices = {};
    // Whose lists count; unset: those that feeds read.
    std::optional<std::vector<SourceName>> sources = std::nullopt;
};

// The directory as storage has it, which feeds write; every process reads it here. Thread-safe.
class Book {
public:
    using Pointer = std::shared_ptr<const Directory>;
    virtual ~Book() = default;
    // Reads what has changed, if that was not done within `fresh_for`; blocks. While another thread reads, it returns
    // the directory before, if there is one. Throws StorageError.
    virtual Pointer current() = 0;
    // As it was read last, never null; before that it has the pinned tickers alone. Never blocks.
    virtual Pointer latest() const = 0;
};

// `storage` and `clock` outlive it.
std::unique_ptr<Book> create_book(storage::Listings& storage, const Clock& clock,
                                  const BookOptions& options = {});

}  // namespace pricewire::directory
