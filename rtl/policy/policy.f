rtl/sa/sa_ram.sv
rtl/policy/policy_pkg.sv
rtl/policy/policy_lane.sv
rtl/policy/policy_search.sv
rtl/policy/policy_cfg.sv
rtl/policy/policy_table.sv
