; Epoch: invariant own_deletes initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
