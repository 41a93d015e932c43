"""Joins the tables of two owners who do not show them to each other; prints only aggregates."""
import csv
import sys
from collections import defaultdict


def main() -> None:
    balances = {}
    with open("/data/bank/accounts.csv", newline="") as table:
        for row in csv.DictReader(table):
            balances[row["person"]] = (int(row["balance_cents"]), row["branch"])
    joined = 0
    by_branch = defaultdict(lambda: [0, 0, 0])
    with open("/data/hospital/treatments.csv", newline="") as table:
        for row in csv.DictReader(table):
            account = balances.get(row["person"])
            if account is None:
                continue
            balance, branch = account
            joined += 1
            entry = by_branch[branch]
            entry[0] += 1
            entry[1] += balance
            entry[2] += int(row["cost_cents"])
    print(f"accounts: {len(balances)}   matched treatments: {joined}")
    print(f"{'branch':<10} {'treatments':>10} {'mean balance':>14} {'mean cost':>12}")
    for branch in sorted(by_branch):
        count, balance, cost = by_branch[branch]
        print(f"{branch:<10} {count:>10} {balance / count / 100:>14.2f} {cost / count / 100:>12.2f}")


if __name__ == "__main__":
    sys.exit(main())
