; Epoch: invariant own_deletes by delta of delete
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
