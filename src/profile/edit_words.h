// SPDX-License-Identifier: Apache-2.0
//
// What edits of profiles and edits of documents have in common.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <stile/profile.h>
#include <stile/result.h>

namespace stile {

// The call is made, or somebody outside decides.
bool lets_through(ActionKind kind);

// A name, a group's members, or a number as it is.
Result<std::vector<std::string>> expand_edit(std::string_view word);

// What socketcall(2) reaches (net/socket.c, SYSCALL_DEFINE2(socketcall)).
inline constexpr std::string_view kBehindSocketcall[] = {
    "socket",  "bind",    "connect",    "listen",   "accept",     "getsockname", "getpeername",
    "send",    "recv",    "sendto",     "recvfrom", "socketpair", "shutdown",    "setsockopt",
    "sendmsg", "recvmsg", "getsockopt", "accept4",  "recvmmsg",   "sendmmsg"};

// Sentences on calls that were dropped and that 32-bit programs reach all the same.
std::vector<std::string> reached_by_multiplexers(const std::set<std::string>& dropped,
                                                 const std::vector<std::string>& arches,
                                                 const std::function<bool(const std::string&)>& allowed);
std::string clone3_note(Action answer);

}  // namespace stile
