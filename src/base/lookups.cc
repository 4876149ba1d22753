// SPDX-License-Identifier: Apache-2.0
#include "base/lookups.h"

#include <tuple>

namespace stile {

namespace {

// A program with some hundred libraries asks some thousand questions. Each costs about a microsecond when it is asked again.
constexpr size_t kMostLookups = 20000;
constexpr time_t kGrain = 2;

std::string text_of(const timespec& time) { return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec); }

}  // namespace

void Lookups::note(Lookup lookup, std::string answer) {
  const std::lock_guard lock(mutex_);
  if (answers_.size() >= kMostLookups) complete_ = false;
  if (!complete_) return;
  const auto [it, fresh] = answers_.try_emplace(std::move(lookup), answer);
  if (!fresh && it->second != answer) complete_ = false;
}

void Lookups::not_repeatable() {
  const std::lock_guard lock(mutex_);
  complete_ = false;
}

bool Lookups::complete() const {
  const std::lock_guard lock(mutex_);
  return complete_;
}

std::map<Lookup, std::string> Lookups::answers() const {
  const std::lock_guard lock(mutex_);
  return answers_;
}

std::string state_of(const struct stat& status) {
  return std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
         text_of(status.st_mtim) + " " + text_of(status.st_ctim);
}

bool is_settled(const struct stat& status, const timespec& now) {
  const auto before = [&](const timespec& time) {
    return std::tie(time.tv_sec, time.tv_nsec) <= std::tuple(now.tv_sec - kGrain, now.tv_nsec);
  };
  // Not every file system keeps the time of the last change of status; where it is kept, nobody can set it.
  return before(status.st_mtim) && before(status.st_ctim);
}

}  // namespace stile
