// SPDX-License-Identifier: Apache-2.0
//
// A filter that asks cannot be taken away, and without anybody who listens the calls it asks about fail with
// ENOSYS. The keeper is a small process that listens when the tracer is gone, killed or finished, and lets
// all calls through: the program goes on as if it had never been traced.
#pragma once

#include <cstddef>

namespace stile::live {

// Memory for one struct seccomp_notif that the keeper sees too: the kernel writes a request into it before
// anything can kill the tracer, and so the keeper knows which thread waits for an answer.
class KeptRequest {
 public:
  explicit KeptRequest(size_t bytes);
  KeptRequest(const KeptRequest&) = delete;
  KeptRequest& operator=(const KeptRequest&) = delete;
  ~KeptRequest();
  void* get() const { return memory_; }  // null: there was no memory

 private:
  size_t bytes_;
  void* memory_;
};

// Starts it. It ends by itself when nobody is left under the filter. False: it could not be started, and the
// program depends on the tracer.
bool start_keeper(int listener, const KeptRequest& request, size_t request_bytes, size_t response_bytes);

// Waits for the next request, and writes it to `request`, which is all zeroes. False: nobody is left who
// could ask. A request that was withdrawn leaves `request` as it is.
bool next_request(int listener, void* request, bool poll_first);
// Lets the call through.
void let_through(int listener, void* response, unsigned long long id);

}  // namespace stile::live
