"""The training engine: a spec and a dataset in, one row of metrics an epoch out.

    from worker.training.loop import train

    for report in train(spec, dataset):
        print(report)

It knows nothing of queues, databases or processes: whoever consumes the iterator decides when to
stop, where to save and what to do with the numbers.
"""
