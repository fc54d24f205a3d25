#pragma once

#include <utility>
#include <vector>

#include "storage/sql/calls.hpp"
#include "storage/sql/change.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sql {

// What the parts of a Store run their queries with.
//
// Db offers read(f), statement(durability, f) for one writing statement, and transaction(durability, f), each
// of which calls f with a Connection:
//   change(query, values...)       runs it; how many rows it changed
//   change_each(query, rows, values, rest...)  the same for each row with the tuple values(row), then rest
//   first(read, query, values...)  the first row, if any
//   all(read, query, values...)    all rows
//   notify(changes)                raises events after the commit; within a transaction
template <typename Db>
class StoreBase : public Storage, protected Calls {
public:
    using Connection = typename Db::Connection;

protected:
    template <typename... Options>
    explicit StoreBase(const StorageEvents& events, const Options&... options)
        : Calls(events), db_(options...) {}

    // Every method of the interface runs within one of these, or write().
    template <typename F>
    auto read(const char* method, F&& f) {
        return call(method, [&] { return db_.read(f); });
    }
    template <typename F>
    auto statement(const char* method, Durability durability, F&& f) {
        return write(method, [&] { return db_.statement(durability, f); });
    }
    template <typename F>
    auto transaction(const char* method, Durability durability, F&& f) {
        return write(method, [&] { return db_.transaction(durability, f); });
    }

    template <typename T>
    static std::vector<T> present(std::vector<std::optional<T>> rows) {
        std::vector<T> out;
        out.reserve(rows.size());
        for (auto& row : rows) {
            if (row) out.push_back(std::move(*row));
        }
        return out;
    }

    Db db_;
};

}  // namespace pricewire::storage::sql
