"""Who turns the crank: runners own clocks, files, processes and retries.

Comes in: a configuration and a view. Goes out: records, to the view. Refuses: to judge
anything itself; every answer comes from the pipeline, so all runners agree.
"""
