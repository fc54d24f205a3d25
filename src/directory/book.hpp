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

// The directory, made of the lists that feeds keep in storage. Thread-safe.
class Book {
public:
    using Pointer = std::shared_ptr<const Directory>;
    virtual ~Book() = default;
    // Reads what has changed, if that was not done within `fresh_for`; blocks. While another thread reads, it returns
    // the previous directory, if there is one. Throws StorageError.
    virtual Pointer current() = 0;
    // As it was last read; until then it has only the pinned tickers. Never null, never blocks.
    virtual Pointer latest() const = 0;
};

// `storage` and `clock` outlive it.
std::unique_ptr<Book> create_book(storage::Listings& storage, const Clock& clock,
                                  const BookOptions& options = {});

}  // namespace pricewire::directory
