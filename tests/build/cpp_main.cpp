// The C++ part: sees declarations only, starts the run and reads its figures.
#include <string>
#include "locust.h"

extern "C" const locust_test shop_test;

int main()
{
    locust_options options = {};
    options.users = 1;
    options.spawn_rate = 1;
    options.run_time_s = 0.1;
    options.quiet = true;
    locust_env *env = locust_env_new(&shop_test, &options);
    if (!env)
        return 2;
    locust_run(env);
    const locust_stats *total = locust_stats_total(env);
    std::string sum = std::to_string(total->requests);
    int status = sum != "0" && total->failures == total->requests ? 0 : 3;
    locust_env_free(env);
    return status;
}
