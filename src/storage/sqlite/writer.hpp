#pragma once

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/mailbox.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/files.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sqlite {

// The thread that owns the one write connection. Calls that arrive during a commit share the next one (group
// commit): each has a savepoint, so that a failing call does not affect the others, and all are committed
// together, flushed to the disk if any of them requires it.
class Writer {
public:
    Writer(std::unique_ptr<Connection> connection, StorageEvents events);
    ~Writer();  // after finishing the accepted calls
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Runs call(connection) on the writer's thread within a transaction and returns its result after the
    // commit. Changes passed to Connection::notify() are raised after the commit, in commit order, before
    // this returns. Throws StorageError, in any case once the database's files are gone.
    template <typename F>
    auto run(Durability durability, F call) {
        using R = std::invoke_result_t<F&, Connection&>;
        std::optional<std::conditional_t<std::is_void_v<R>, bool, R>> result;
        submit(durability, [&](Connection& db) {
            if constexpr (std::is_void_v<R>) {
                call(db);
            } else {
                result.emplace(call(db));
            }
        });
        if constexpr (!std::is_void_v<R>) return std::move(*result);
    }

    const OpenFiles& files() const { return files_; }

private:
    struct Job {
        Durability durability;
        std::function<void(Connection&)> call;
        std::vector<Change> changes;
        std::exception_ptr error;
        std::promise<void> done;
    };

    void submit(Durability durability, std::function<void(Connection&)> call);
    void run();
    void commit_group(std::vector<Job*>& jobs);
    void run_one(Job& job);
    void set_durability(Durability durability);
    void raise(const Change& change);
    void look_for_foreign_writes();
    void check_files();
    std::int64_t bytes_in_log();

    std::unique_ptr<Connection> db_;
    const OpenFiles files_;
    const std::vector<std::filesystem::path> paths_;  // files_of()
    std::int64_t file_size_ = 0;                      // as last seen
    std::int64_t log_size_ = 0;
    StorageEvents events_;
    std::optional<Durability> set_;
    std::int64_t data_version_ = 0;
    Mailbox<Job*> mailbox_;
    std::thread thread_;
};

}  // namespace pricewire::storage::sqlite
