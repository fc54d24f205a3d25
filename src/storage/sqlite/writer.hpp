#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/files.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sqlite {

// The one write connection, used by one thread at a time. Calls that arrive during a commit share the next one (group
// commit): each has a savepoint, so that a failing call does not affect the others, and all are committed together,
// flushed to the disk if any of them requires it. The thread of one of the calls commits them all: another thread
// would have to be woken for each commit, and to wake the caller. What can wait until nobody writes, such as checkpoints,
// is done on a thread of its own.
class Writer {
public:
    Writer(std::unique_ptr<Connection> connection, StorageEvents events, bool prepares_log = false);
    ~Writer();  // after finishing the accepted calls
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Runs call(connection) within a transaction, on this thread or on that of another call, and returns its result
    // after the commit. Changes passed to Connection::notify() are raised after the commit, in commit order, before
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

    // The same for several calls at once, each with an error of its own; null: none.
    std::vector<std::exception_ptr> run_each(Durability durability,
                                             std::vector<std::function<void(Connection&)>> calls);

    const OpenFiles& files() const { return files_; }

private:
    struct Job {
        Durability durability = Durability::power;
        std::function<void(Connection&)> call = {};
        std::vector<Change> changes = {};
        std::exception_ptr error = nullptr;
        bool done = false;
        CondVar changed = {};  // it is done, or it is its turn
    };

    void submit(Durability durability, std::function<void(Connection&)> call);
    void finish(std::span<Job> jobs);
    std::vector<Job*> take_group() REQUIRES(mutex_);
    bool is_free() const REQUIRES(mutex_) { return !busy_ && !log_is_longest_; }
    void set_free(MonoTime now) REQUIRES(mutex_);
    void run();
    void commit_group(const std::vector<Job*>& jobs);
    void run_in_savepoint(Job& job);
    void set_durability(Durability durability);
    void expect_power();
    void raise(const Change& change);
    void look_for_foreign_writes(MonoTime at);
    void check_files();
    std::int64_t bytes_in_log();
    void checkpoint();
    bool prepare_some_log();
    void flush_log();

    // Used by whoever has set busy_.
    std::unique_ptr<Connection> db_;
    const OpenFiles files_;
    const std::vector<std::filesystem::path> paths_;  // files_of()
    std::int64_t file_size_ = 0;                      // as last seen
    std::int64_t log_size_ = 0;
    StorageEvents events_;
    std::optional<Durability> set_;
    std::int64_t data_version_ = 0;
    int log_pages_ = 0;  // after the last commit
    bool prepares_log_;
    MonoTime look_at_{};

    Mutex mutex_;
    bool busy_ GUARDED_BY(mutex_) = false;
    bool closed_ GUARDED_BY(mutex_) = false;
    bool ended_ GUARDED_BY(mutex_) = false;           // closed, and nobody is left
    bool log_is_long_ GUARDED_BY(mutex_) = false;     // see long_log
    bool log_is_longest_ GUARDED_BY(mutex_) = false;  // nothing is written before the checkpoint
    std::size_t callers_ GUARDED_BY(mutex_) = 0;
    MonoTime free_since_ GUARDED_BY(mutex_);
    std::deque<Job*> jobs_ GUARDED_BY(mutex_);  // not begun
    CondVar due_;                               // for the thread
    CondVar left_;                              // the last caller
    std::thread thread_;
};

}  // namespace pricewire::storage::sqlite
