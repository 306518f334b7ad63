# SPDX-License-Identifier: Apache-2.0
"""All benchmarks: ``python -m bench.run``, from the root of the repository.

Arguments go to the hook's benchmark; see ``python -m bench.hook --help``.
"""

from bench import hook, inventory, leases, plan, planner

if __name__ == "__main__":
    planner.main()
    inventory.main()
    plan.main()
    leases.main()
    hook.main()
