#include "storage/sqlite/readers.hpp"

namespace pricewire::storage::sqlite {

std::unique_ptr<Connection> Readers::take() {
    MutexLock lock(mutex_);
    freed_.wait(lock, [&]() REQUIRES(mutex_) { return !idle_.empty() || open_ < options_.readers; });
    if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
    }
    ++open_;
    lock.unlock();
    try {
        return std::make_unique<Connection>(options_.file, Connection::Mode::read, options_.busy_timeout);
    } catch (...) {
        give(nullptr);
        throw;
    }
}

void Readers::give(std::unique_ptr<Connection> connection) {
    {
        MutexLock lock(mutex_);
        if (connection) {
            idle_.push_back(std::move(connection));
        } else {
            --open_;
        }
    }
    freed_.notify_one();
}

}  // namespace pricewire::storage::sqlite
