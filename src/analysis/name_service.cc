// SPDX-License-Identifier: Apache-2.0
#include "analysis/name_service.h"

#include <algorithm>

namespace stile::analysis {

namespace {

struct Family {
  std::string_view prefix;  // of function names
  std::string_view database;
};

// The longer prefix first where one begins with another.
constexpr Family kFamilies[] = {
    {"getpw", "passwd"},        {"setpwent", "passwd"},     {"endpwent", "passwd"},      {"getgrouplist", "initgroups"},
    {"getgr", "group"},         {"setgrent", "group"},      {"endgrent", "group"},       {"initgroups", "initgroups"},
    {"getspnam", "shadow"},     {"getspent", "shadow"},     {"setspent", "shadow"},      {"getsgnam", "gshadow"},
    {"getsgent", "gshadow"},    {"setsgent", "gshadow"},    {"gethostby", "hosts"},      {"gethostent", "hosts"},
    {"sethostent", "hosts"},    {"getaddrinfo", "hosts"},   {"getnameinfo", "hosts"},    {"getnetgrent", "netgroup"},
    {"setnetgrent", "netgroup"}, {"innetgr", "netgroup"},   {"getnetby", "networks"},    {"getnetent", "networks"},
    {"setnetent", "networks"},  {"getserv", "services"},    {"setservent", "services"},  {"getproto", "protocols"},
    {"setprotoent", "protocols"}, {"getrpc", "rpc"},        {"setrpcent", "rpc"},        {"ether_hostton", "ethers"},
    {"ether_ntohost", "ethers"}, {"getalias", "aliases"},   {"setaliasent", "aliases"},  {"getpublickey", "publickey"},
    {"getsecretkey", "publickey"},
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

std::string_view name_database_of(std::string_view function) {
  for (const Family& family : kFamilies) {
    if (function.starts_with(family.prefix)) return family.database;
  }
  return {};
}

std::set<std::string> services_in(std::string_view configuration, const std::set<std::string_view>& databases) {
  std::set<std::string> services;
  while (!configuration.empty()) {
    const size_t end = std::min(configuration.find('\n'), configuration.size());
    std::string_view line = configuration.substr(0, end);
    configuration.remove_prefix(std::min(end + 1, configuration.size()));
    line = line.substr(0, line.find('#'));
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    std::string_view database = line.substr(0, colon);
    while (!database.empty() && is_space(database.back())) database.remove_suffix(1);
    // Names and ports of hosts are looked up together; group memberships are the groups' where they have no line of their own.
    const bool asked = databases.contains(database) || (database == "services" && databases.contains("hosts")) ||
                       (database == "group" && databases.contains("initgroups"));
    if (!asked) continue;
    line.remove_prefix(colon + 1);
    while (!line.empty()) {
      if (is_space(line.front())) {
        line.remove_prefix(1);
      } else if (line.front() == '[') {  // [NOTFOUND=return]
        line.remove_prefix(std::min(line.find(']'), line.size() - 1) + 1);
      } else {
        size_t length = 0;
        while (length < line.size() && !is_space(line[length]) && line[length] != '[') ++length;
        const std::string_view name = line.substr(0, length);
        if (name != "files" && name != "dns" && name.find('/') == name.npos) services.emplace(name);
        line.remove_prefix(length);
      }
    }
  }
  return services;
}

}  // namespace stile::analysis
