// SPDX-License-Identifier: Apache-2.0
//
// Which modules glibc's name service loads when users, groups or hosts are looked up: /etc/nsswitch.conf says so, by database.
// Facts: nsswitch.conf(5); glibc 2.36 nss/nss_database.c, nss/nss_module.c.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace stile::analysis {

// The database that an exported function of the C library looks things up in; empty if it is no such function.
// getaddrinfo and getnameinfo, which look into two, answer with "hosts"; see services_in.
std::string_view name_database_of(std::string_view function);

// The services that a configuration names for databases, without those that are built into the library ("files", "dns").
// A database that it does not name has built-in ones alone.
std::set<std::string> services_in(std::string_view configuration, const std::set<std::string_view>& databases);

}  // namespace stile::analysis
