(** The curvature of cross-entropy: S = diag p - p p^T is positive with norm at most 1/2, so the
    residuals p - y move by at most half of what the logits do, and the loss by at most

        min(2^(1/2) e, |p - y| e + e^2 / 4)      where the logits move by e.

    Relied on by `output_deviations` (include/numgeom/shadow/step_lipschitz.hpp), `loss_deviation`
    (src/shadow/stepwise.cpp) and the Gauss-Newton part (src/shadow/gauss_newton_part.cpp). *)

From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Sums InnerProduct Euclidean Softmax.
Local Open Scope R_scope.

(** <x, S y>. *)
Definition softmax_form (K : nat) (p : nat -> R) (x y : vectors) : R :=
  sum_below (fun j => p j * (x j * y j)) K -
  sum_below (fun j => p j * x j) K * sum_below (fun j => p j * y j) K.

Lemma double_sum_product (K : nat) (f g : nat -> R) :
  sum_below (fun i => sum_below (fun j => f i * g j) K) K = sum_below f K * sum_below g K.
Proof.
  rewrite <- sum_below_scal_r. apply sum_below_ext. intros i _. apply sum_below_scal.
Qed.

(** <x, S x> is half of sum_ij p_i p_j (x_i - x_j)^2. *)
Lemma softmax_form_as_variance (K : nat) (p : nat -> R) (x : vectors) :
  sum_below p K = 1 ->
  2 * softmax_form K p x x =
  sum_below (fun i => sum_below (fun j => p i * p j * ((x i - x j) * (x i - x j))) K) K.
Proof.
  intros Hp. unfold softmax_form.
  rewrite (sum_below_ext
    (fun i => sum_below (fun j => p i * p j * ((x i - x j) * (x i - x j))) K)
    (fun i => sum_below (fun j => p i * (x i * x i) * p j) K +
              sum_below (fun j => p i * (p j * (x j * x j))) K -
              2 * sum_below (fun j => p i * x i * (p j * x j)) K)).
  - rewrite sum_below_minus, sum_below_plus, sum_below_scal, !double_sum_product, Hp. ring.
  - intros i _. rewrite <- sum_below_scal, <- sum_below_plus, <- sum_below_minus.
    apply sum_below_ext. intros j _. ring.
Qed.

Theorem softmax_form_positive (K : nat) (p : nat -> R) :
  (forall j, (j < K)%nat -> 0 <= p j) -> sum_below p K = 1 -> positive_form (softmax_form K p).
Proof.
  intros Hp Hsum. split.
  - intros x y. unfold softmax_form. rewrite Rmult_comm. f_equal.
    apply sum_below_ext. intros. ring.
  - intros x y z. unfold softmax_form.
    rewrite (sum_below_ext (fun j => p j * (plus x y j * z j))
               (fun j => p j * (x j * z j) + p j * (y j * z j)))
      by (intros j _; change (plus x y j) with (x j + y j); ring).
    rewrite (sum_below_ext (fun j => p j * plus x y j) (fun j => p j * x j + p j * y j))
      by (intros j _; change (plus x y j) with (x j + y j); ring).
    rewrite !sum_below_plus. ring.
  - intros k x y. unfold softmax_form.
    rewrite (sum_below_ext (fun j => p j * (scal k x j * y j)) (fun j => k * (p j * (x j * y j))))
      by (intros j _; change (scal k x j) with (k * x j); ring).
    rewrite (sum_below_ext (fun j => p j * scal k x j) (fun j => k * (p j * x j)))
      by (intros j _; change (scal k x j) with (k * x j); ring).
    rewrite !sum_below_scal. ring.
  - intros x. pose proof (softmax_form_as_variance K p x Hsum) as Hv.
    enough (0 <= sum_below (fun i =>
              sum_below (fun j => p i * p j * ((x i - x j) * (x i - x j))) K) K) by lra.
    apply sum_below_nonneg. intros i Hi. apply sum_below_nonneg. intros j Hj.
    apply Rmult_le_pos; [apply Rmult_le_pos; now apply Hp | apply Rle_0_sqr].
Qed.

(** S <= 1/2: (x_i - x_j)^2 <= 2 x_i^2 + 2 x_j^2 off the diagonal, and p (1 - p) <= 1/4. *)
Theorem softmax_form_at_most_half (K : nat) (p : nat -> R) (x : vectors) :
  (forall j, (j < K)%nat -> 0 <= p j) -> sum_below p K = 1 ->
  softmax_form K p x x <= / 2 * euclidean K x x.
Proof.
  intros Hp Hsum. pose proof (softmax_form_as_variance K p x Hsum) as Hv.
  enough (H : sum_below (fun i =>
                sum_below (fun j => p i * p j * ((x i - x j) * (x i - x j))) K) K <=
              euclidean K x x) by lra.
  apply Rle_trans with
    (sum_below (fun i => 2 * (others i p i + (1 - p i)) * (p i * (x i * x i)) +
       2 * (sum_below (fun j => p i * others i (fun j => p j * (x j * x j)) j) K)) K).
  - apply sum_below_le. intros i Hi.
    pose proof (sum_others K i p Hi) as Ho. rewrite Hsum in Ho.
    replace (others i p i) with 0 by (unfold others; now rewrite Nat.eqb_refl).
    rewrite <- Ho, Rplus_0_l, (Rmult_assoc 2), (Rmult_comm (sum_below _ _)), <- sum_below_scal,
      <- !sum_below_scal, <- sum_below_plus.
    apply sum_below_le. intros j Hj. unfold others. destruct (Nat.eqb_spec j i) as [->|Hne].
    + right. ring.
    + assert (Hpp : 0 <= p i * p j) by (apply Rmult_le_pos; now apply Hp).
      pose proof (Rle_0_sqr (x i + x j)) as Hs. unfold Rsqr in Hs.
      replace (2 * (p i * (x i * x i) * p j) + 2 * (p i * (p j * (x j * x j))))
        with (p i * p j * (2 * (x i * x i) + 2 * (x j * x j))) by ring.
      apply Rmult_le_compat_l; [exact Hpp | lra].
  - rewrite sum_below_plus.
    rewrite (sum_below_ext
      (fun i => 2 * sum_below (fun j => p i * others i (fun j0 => p j0 * (x j0 * x j0)) j) K)
      (fun i => 2 * (p i * sum_below (fun j => p j * (x j * x j)) K) -
                2 * (p i * (p i * (x i * x i))))).
    2: { intros i Hi. rewrite sum_below_scal, (sum_others K i (fun j => p j * (x j * x j)) Hi).
         ring. }
    rewrite sum_below_minus, sum_below_scal, sum_below_scal_r, Hsum, Rmult_1_l, <- sum_below_scal.
    rewrite <- sum_below_minus, <- sum_below_plus. unfold euclidean.
    apply sum_below_le. intros i Hi. unfold others. rewrite Nat.eqb_refl.
    replace (2 * (0 + (1 - p i)) * (p i * (x i * x i)) +
             (2 * (p i * (x i * x i)) - 2 * (p i * (p i * (x i * x i)))))
      with (4 * (p i * (1 - p i)) * (x i * x i)) by ring.
    pose proof (Rle_0_sqr (x i)) as Hx. unfold Rsqr in Hx.
    pose proof (Rle_0_sqr (1 - 2 * p i)) as Hq. unfold Rsqr in Hq. nra.
Qed.

Section Calculus.
Variable K : nat.
Hypothesis HK : (0 < K)%nat.
Variables m d : nat -> R.

(** The logits on the way from m to m + d. *)
Definition along (t : R) : nat -> R := fun j => m j + t * d j.

Lemma is_derive_sum (f f' : nat -> R -> R) n t :
  (forall k, (k < n)%nat -> is_derive (f k) t (f' k t)) ->
  is_derive (fun t => sum_below (fun k => f k t) n) t (sum_below (fun k => f' k t) n).
Proof.
  induction n as [|n IH]; intros H; simpl.
  - apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)).
  - apply (is_derive_plus (K := R_AbsRing) (V := R_NormedModule));
      [apply IH; intros; apply H; lia | apply H; lia].
Qed.

Lemma derive_exp k t : is_derive (fun t => exp (along t k)) t (d k * exp (along t k)).
Proof. unfold along. auto_derive; [exact I | ring]. Qed.

Lemma derive_total t :
  is_derive (fun t => total K (along t)) t (sum_below (fun j => d j * exp (along t j)) K).
Proof.
  unfold total.
  apply (is_derive_sum (fun k t => exp (along t k)) (fun k t => d k * exp (along t k))).
  intros k _. apply derive_exp.
Qed.

Definition mean (t : R) (x : nat -> R) : R :=
  sum_below (fun j => probability K (along t) j * x j) K.

Lemma derivative_of_total t :
  sum_below (fun j => d j * exp (along t j)) K = total K (along t) * mean t d.
Proof.
  pose proof (total_pos K (along t) HK). unfold mean. rewrite <- sum_below_scal.
  apply sum_below_ext.
  intros j _. unfold probability. field. lra.
Qed.

Lemma derive_cross_entropy y t :
  is_derive (fun t => cross_entropy K (along t) y) t (mean t d - d y).
Proof.
  pose proof (total_pos K (along t) HK) as Hpos. unfold cross_entropy.
  apply (is_derive_minus (K := R_AbsRing) (V := R_NormedModule)).
  - replace (mean t d)
      with (scal (sum_below (fun j => d j * exp (along t j)) K) (/ total K (along t))).
    + apply (is_derive_comp ln (fun t => total K (along t)) t (/ total K (along t))).
      * now apply is_derive_ln.
      * apply derive_total.
    + rewrite derivative_of_total.
      change (total K (along t) * mean t d * / total K (along t) = mean t d). field. lra.
  - unfold along. auto_derive; [exact I | ring].
Qed.

Lemma derive_probability k t :
  is_derive (fun t => probability K (along t) k) t (probability K (along t) k * (d k - mean t d)).
Proof.
  apply (is_derive_ext (fun t => exp (- cross_entropy K (along t) k))).
  { intros s. symmetry. now apply probability_of_loss. }
  replace (probability K (along t) k * (d k - mean t d))
    with (scal (- (mean t d - d k)) (exp (- cross_entropy K (along t) k))).
  - apply (is_derive_comp exp (fun t => - cross_entropy K (along t) k) t
             (exp (- cross_entropy K (along t) k))).
    + apply is_derive_exp.
    + apply (is_derive_opp (K := R_AbsRing) (V := R_NormedModule)). apply derive_cross_entropy.
  - rewrite <- probability_of_loss by exact HK.
    change (- (mean t d - d k) * probability K (along t) k =
      probability K (along t) k * (d k - mean t d)). ring.
Qed.

(** <p(t), u> moves by <u, S d>. *)
Lemma derive_mean (u : nat -> R) t :
  is_derive (fun t => mean t u) t (softmax_form K (probability K (along t)) u d).
Proof.
  unfold mean at 1.
  replace (softmax_form K (probability K (along t)) u d)
    with (sum_below (fun j => u j * (probability K (along t) j * (d j - mean t d))) K).
  - apply (is_derive_ext (fun t => sum_below (fun j => u j * probability K (along t) j) K)).
    { intros s. apply sum_below_ext. intros. ring. }
    apply (is_derive_sum (fun k t => u k * probability K (along t) k)
             (fun k t => u k * (probability K (along t) k * (d k - mean t d)))).
    intros k _. apply (is_derive_scal (fun t => probability K (along t) k)).
    apply derive_probability.
  - unfold softmax_form.
    rewrite (sum_below_ext (fun j => u j * (probability K (along t) j * (d j - mean t d)))
      (fun j => probability K (along t) j * (u j * d j) -
                probability K (along t) j * u j * mean t d))
      by (intros; ring).
    rewrite sum_below_minus, sum_below_scal_r. unfold mean. ring.
Qed.

Lemma increment (f f' : R -> R) (M : R) (t : R) :
  0 <= t -> (forall s, is_derive f s (f' s)) -> (forall s, 0 <= s <= t -> f' s <= M) ->
    f t - f 0 <= M * t.
Proof.
  intros Ht Hf HM.
  destruct (MVT_gen f 0 t f') as [c [Hc He]].
  - intros s _. apply Hf.
  - intros s _. apply derivable_continuous_pt, ex_derive_Reals_0. exists (f' s). apply Hf.
  - rewrite Rmin_left, Rmax_right in Hc by exact Ht. rewrite He, Rminus_0_r.
    apply Rmult_le_compat_r; [exact Ht | now apply HM].
Qed.

(** <S u, d> <= |u| |d| / 2. *)
Lemma softmax_form_le (o : nat -> R) (u e : vectors) :
  softmax_form K (probability K o) u e <= / 2 * (length (euclidean K) u * length (euclidean K) e).
Proof.
  assert (Hp : forall j, (j < K)%nat -> 0 <= probability K o j)
    by (intros; left; now apply probability_pos).
  pose proof (probabilities_sum K o HK) as Hsum.
  pose proof (softmax_form_positive K _ Hp Hsum) as HS.
  pose proof (euclidean_positive K) as HE.
  pose proof (cauchy_schwarz _ HS u e) as HCS.
  pose proof (softmax_form_at_most_half K _ u Hp Hsum) as Hu.
  pose proof (softmax_form_at_most_half K _ e Hp Hsum) as He.
  pose proof (form_nonneg _ HS u) as Pu. pose proof (form_nonneg _ HS e) as Pe.
  rewrite <- (length_square _ HE) in Hu, He.
  pose proof (length_nonneg (euclidean K) u) as Lu.
  pose proof (length_nonneg (euclidean K) e) as Le.
  set (a := length (euclidean K) u) in *. set (b := length (euclidean K) e) in *.
  set (g := softmax_form K (probability K o) u e) in *.
  apply Rnot_lt_le. intros Hlt.
  assert (Hab : 0 <= a * b) by (now apply Rmult_le_pos).
  assert (Hgg : g * g <= (/ 2 * (a * a)) * (/ 2 * (b * b))).
  { eapply Rle_trans; [exact HCS|]. apply Rmult_le_compat; assumption. }
  replace (/ 2 * (a * a) * (/ 2 * (b * b))) with ((/ 2 * (a * b)) * (/ 2 * (a * b))) in Hgg
    by ring. nra.
Qed.

Lemma mean_moves (u : vectors) t :
  0 <= t -> mean t u - mean 0 u <= / 2 * (length (euclidean K) u * length (euclidean K) d) * t.
Proof.
  intros Ht.
  apply (increment (fun t => mean t u) (fun t => softmax_form K (probability K (along t)) u d));
    [exact Ht | intros; apply derive_mean | intros; apply softmax_form_le].
Qed.
End Calculus.

Lemma along_zero m d : along m d 0 = m.
Proof. apply FunctionalExtensionality.functional_extensionality. intros j. unfold along. ring. Qed.

Lemma along_one m o : along m (fun j => o j - m j) 1 = o.
Proof. apply FunctionalExtensionality.functional_extensionality. intros j. unfold along. ring. Qed.

(** Probabilities, and so residuals, move by at most half of what the logits do. *)
Theorem softmax_lipschitz (K : nat) (m o : nat -> R) :
  (0 < K)%nat ->
  length (euclidean K) (fun j => probability K o j - probability K m j) <=
  / 2 * length (euclidean K) (fun j => o j - m j).
Proof.
  intros HK. set (d := (fun j => o j - m j) : vectors).
  assert (Hone : along m d 1 = o) by apply along_one.
  set (u := (fun j => probability K o j - probability K m j) : vectors).
  pose proof (mean_moves K HK m d u 1 ltac:(lra)) as H. rewrite Rmult_1_r in H.
  unfold mean in H. rewrite along_zero in H. rewrite Hone in H.
  rewrite <- sum_below_minus in H.
  rewrite (sum_below_ext _ (fun j => u j * u j)) in H by (intros; unfold u; ring).
  change (sum_below (fun j => u j * u j) K) with (euclidean K u u) in H.
  rewrite <- (length_square _ (euclidean_positive K)) in H.
  pose proof (length_nonneg (euclidean K) u) as Pu.
  pose proof (length_nonneg (euclidean K) d) as Pd.
  destruct (Req_dec (length (euclidean K) u) 0) as [H0|Hne]; [rewrite H0; lra|].
  apply Rmult_le_reg_l with (length (euclidean K) u); lra.
Qed.

(** The loss lies between its tangent and a parabola. *)
Theorem cross_entropy_below_parabola (K : nat) (m o : nat -> R) (y : nat) :
  (y < K)%nat ->
  cross_entropy K o y - cross_entropy K m y <=
  euclidean K (residual K m y) (fun j => o j - m j) +
  / 4 * euclidean K (fun j => o j - m j) (fun j => o j - m j).
Proof.
  intros Hy. assert (HK : (0 < K)%nat) by lia. set (d := (fun j => o j - m j) : vectors).
  assert (Hone : along m d 1 = o) by apply along_one.
  rewrite residual_form by exact Hy.
  set (D := euclidean K d d).
  assert (Htangent : sum_below (fun j => probability K m j * (d j - d y)) K = mean K m d 0 d - d y).
  { unfold mean. rewrite along_zero.
    rewrite (sum_below_ext _ (fun j => probability K m j * d j - probability K m j * d y))
      by (intros; ring).
    rewrite sum_below_minus, sum_below_scal_r, (probabilities_sum K m HK). ring. }
  rewrite Htangent.
  pose proof (increment
    (fun t => cross_entropy K (along m d t) y - t * (mean K m d 0 d - d y) - / 4 * D * (t * t))
    (fun t => (mean K m d t d - d y) - (mean K m d 0 d - d y) - / 2 * D * t) 0 1 ltac:(lra)) as H.
  cbv beta in H. rewrite along_zero in H. rewrite Hone in H.
  enough (Hfin : cross_entropy K o y - 1 * (mean K m d 0 d - d y) - / 4 * D * (1 * 1) -
                 (cross_entropy K m y - 0 * (mean K m d 0 d - d y) - / 4 * D * (0 * 0)) <= 0 * 1)
    by lra.
  apply H.
  - intros t.
    apply (is_derive_minus (K := R_AbsRing) (V := R_NormedModule)
             (fun t => cross_entropy K (along m d t) y - t * (mean K m d 0 d - d y))).
    + apply (is_derive_minus (K := R_AbsRing) (V := R_NormedModule)
               (fun t => cross_entropy K (along m d t) y)).
      * now apply derive_cross_entropy.
      * auto_derive; [exact I | ring].
    + auto_derive; [exact I | field].
  - intros t Ht. pose proof (mean_moves K HK m d d t (proj1 Ht)) as Hm.
    rewrite (length_square _ (euclidean_positive K)) in Hm. fold D in Hm. lra.
Qed.

(** Lemma 5 of proofs/stepwise.md. *)
Theorem loss_deviation (K : nat) (m o : nat -> R) (y : nat) (e : R) :
  (y < K)%nat -> length (euclidean K) (fun j => o j - m j) <= e ->
  Rabs (cross_entropy K o y - cross_entropy K m y) <=
  Rmin (sqrt 2 * e) (length (euclidean K) (residual K m y) * e + e * e / 4).
Proof.
  intros Hy He. apply Rmin_glb; [now apply cross_entropy_lipschitz|].
  pose proof (euclidean_positive K) as HE.
  set (d := (fun j => o j - m j) : vectors) in *.
  pose proof (cross_entropy_above_tangent K m o y Hy) as Hlow.
  pose proof (cross_entropy_below_parabola K m o y Hy) as Hup. fold d in Hlow, Hup.
  pose proof (form_le_lengths _ HE (residual K m y) d) as H1.
  pose proof (form_le_lengths _ HE (opp (residual K m y)) d) as H2.
  rewrite (form_opp _ HE), (MeanValue.seminorm_opp _ (length_is_seminorm _ HE)) in H2.
  rewrite <- (length_square _ HE d) in Hup.
  pose proof (length_nonneg (euclidean K) (residual K m y)) as Pr.
  pose proof (length_nonneg (euclidean K) d) as Pd.
  set (a := length (euclidean K) (residual K m y)) in *. set (b := length (euclidean K) d) in *.
  assert (Hab : a * b <= a * e) by (now apply Rmult_le_compat_l).
  assert (Hbb : b * b <= e * e) by (apply Rmult_le_compat; assumption).
  assert (0 <= e * e) by nra.
  apply Rabs_le. lra.
Qed.
